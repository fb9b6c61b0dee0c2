/** The lines of what a program printed, but for empty ones. */
export const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
