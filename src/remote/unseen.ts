/**
 * Lets through the lines that were not shown before. Whoever follows an operation again hears it from its beginning.
 */
export interface Unseen {
  /** Complete lines, and what is left at the end. */
  take(text: string): string;
  /** From here on it is told again. */
  again(): void;
}

export const createUnseen = (): Unseen => {
  const shown = new Map<string, number>();
  let toSkip = new Map<string, number>();
  let started = false;
  let rest = '';
  const isNew = (line: string): boolean => {
    const left = toSkip.get(line) ?? 0;
    if (left > 0) toSkip.set(line, left - 1);
    else shown.set(line, (shown.get(line) ?? 0) + 1);
    return left === 0;
  };
  return {
    take(text) {
      started = true;
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      return lines
        .filter(isNew)
        .map((line) => `${line}\n`)
        .join('');
    },
    again() {
      if (!started) return;
      // A line that was cut comes again, whole.
      rest = '';
      toSkip = new Map(shown);
    },
  };
};
