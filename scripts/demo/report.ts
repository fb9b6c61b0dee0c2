// What the person in front of the terminal reads.
const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** One line about what is going to happen. */
export const heading = (text: string): void => say(`\n${paint(1, `== ${text}`)}`);

export const command = (text: string): void => say(paint(2, `$ ${text}`));

interface Row {
  readonly part: string;
  readonly name: string;
  readonly seen: string;
  readonly ok: boolean;
}

export interface Findings {
  /** What was seen, and whether it is what was promised: said at once, and again in the summary. */
  check(name: string, seen: string | number | null, ok: boolean): void;
  /** The part that the next checks belong to. */
  part(name: string): void;
  /** Prints the table; true when everything was as promised. */
  summary(): boolean;
}

export const openFindings = (): Findings => {
  const rows: Row[] = [];
  let part = '';
  const mark = (ok: boolean) => (ok ? paint(32, 'ok    ') : paint(31, 'FAILED'));
  return {
    part(name) {
      part = name;
    },
    check(name, seen, ok) {
      rows.push({ part, name, seen: String(seen), ok });
      say(`   ${mark(ok)} ${name}: ${seen}`);
    },
    summary() {
      const failed = rows.filter((row) => !row.ok);
      const width = (of: (row: Row) => string) => Math.max(...rows.map((row) => of(row).length));
      const [parts, names] = [width((row) => row.part), width((row) => row.name)];
      for (const row of rows) {
        say(`${mark(row.ok)} ${row.part.padEnd(parts)}  ${row.name.padEnd(names)}  ${row.seen}`);
      }
      for (const row of failed) say(paint(31, `not as promised: ${row.part}: ${row.name}: ${row.seen}`));
      return failed.length === 0;
    },
  };
};
