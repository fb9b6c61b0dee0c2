import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A line of a journal, as far as tests look at it. */
export interface JournalLine {
  readonly seq: number;
  /** ISO 8601. */
  readonly at: string;
  readonly type: 'begin' | 'intent' | 'result' | 'failure' | 'note' | 'end';
  readonly step: string;
}

export interface FoundJournal {
  readonly operation: string;
  readonly lines: readonly JournalLine[];
}

/** Whole lines only: the last one may be half-written when its writer dies. */
const parseLines = (text: string): readonly JournalLine[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JournalLine);

/** The journals of the stack in this folder, oldest first: all of them, or the last few. */
export const readJournals = async (directory: string, last?: number): Promise<readonly FoundJournal[]> => {
  const operations = join(directory, '.kaleem/operations');
  const names = (await readdir(operations).catch(() => [])).filter((name) => /^\d/.test(name)).sort();
  return Promise.all(
    names.slice(last === undefined ? 0 : -last).map(async (operation) => ({
      operation,
      lines: parseLines(await readFile(join(operations, operation, 'journal.jsonl'), 'utf8').catch(() => '')),
    })),
  );
};
