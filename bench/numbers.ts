// What the benchmarks have in common: how often, the middle value, a table.

/** How often, as it was typed. */
export const roundsOf = (text: string): number => {
  const given = Number(text);
  if (Number.isInteger(given) && given > 0) return given;
  throw new Error(`how many rounds? ${text} is no number`);
};

/** The number on the command line, or `otherwise`. */
export const count = (otherwise: number): number => roundsOf(process.argv[2] ?? String(otherwise));

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

export const table = (titles: readonly string[], rows: readonly (readonly string[])[]): void => {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [titles, ...rows]) {
    process.stdout.write(`${row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')}\n`);
  }
};
