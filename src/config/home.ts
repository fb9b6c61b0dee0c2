/** A path that begins in somebody's home: `~/x`. Where nobody knows the home (null), it stays as it is. */
export const fromHome = (path: string, home: string | null): string => path.replace(/^~(?=\/|$)/, () => home ?? '~');
