// Sizes on the command line, and rates: in powers of ten, as disks and networks are sold.
const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

/** `300MB` as bytes. */
export const bytesOf = (text: string): number => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(KB|MB|GB)$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit?.toUpperCase() ?? ''] ?? Number.NaN);
  if (bytes > 0) return bytes;
  throw new Error(`${text} is no size: write 10MB or 5GB`);
};

export const sizeText = (bytes: number): string =>
  bytes >= 1e9 ? `${+(bytes / 1e9).toFixed(2)} GB` : `${+(bytes / 1e6).toFixed(1)} MB`;

/** The words of a list such as `ext4,xfs`, which must be among those known. */
export const wordsOf = <T extends string>(text: string, known: readonly T[]): readonly T[] =>
  text.split(',').map((word) => {
    const found = known.find((each) => each === word);
    if (found === undefined) throw new Error(`${word}? one or more of ${known.join(',')}`);
    return found;
  });
