/** A word as a POSIX shell takes it, whatever is in it. Plain ones stay as they are, so that logs can be read. */
export const quoteWord = (word: string): string =>
  /^[A-Za-z0-9_./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
