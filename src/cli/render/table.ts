export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines of aligned columns, two spaces apart, nothing trailing. An empty cell is `-`. */
export const table = (columns: readonly Column[], rows: readonly (readonly (string | null)[])[]): readonly string[] => {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((_, index) => row[index] || '-'))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, index) =>
        columns[index]?.align === 'right' ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
};
