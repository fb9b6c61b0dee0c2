import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeployError } from '../errors.ts';
import { decodeLine, JOURNAL_VERSION, type JournalEntry, startsWithLine } from './journal-line.ts';
import { damaged, tooNew } from './state-error.ts';

export interface JournalContent {
  readonly version: 1;
  /** Empty when the writer died before its first line was whole: it had not begun. */
  readonly entries: readonly JournalEntry[];
  /** The last line was being written when its writer died: whatever it was about, it was not acknowledged. */
  readonly torn: boolean;
}

const NEWLINE = 0x0a;

/** Cuts at newlines. The last piece has none (or is empty). */
const pieces = (bytes: Buffer): readonly Buffer[] => {
  const result: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, start)) {
    result.push(bytes.subarray(start, at));
    start = at + 1;
  }
  return [...result, bytes.subarray(start)];
};

/** Nothing follows the end of an operation, but for what a recovery does about one that halted. */
export const isOver = (last: JournalEntry | null | undefined): boolean =>
  last?.type === 'end' && last.step !== 'halted';

/** Why an entry may not stand where it does; null: it may. Begin first, end last, numbers without gaps. */
const misplaced = (entry: JournalEntry, before: JournalEntry | undefined): string | null => {
  const expected = (before?.seq ?? 0) + 1;
  if (entry.seq !== expected) return `entry ${entry.seq} stands where ${expected} should`;
  if ((entry.type === 'begin') !== (before === undefined)) return `a ${entry.type} entry as entry ${expected}`;
  return isOver(before) ? 'an entry after the end' : null;
};

/**
 * The entries in a journal's bytes, and how many bytes they take. A last line that is not whole is left out: cut off, or
 * complete in length but not in content, as after a power cut between two of its sectors.
 */
export const scanJournal = (path: string, bytes: Buffer): JournalContent & { readonly wholeBytes: number } => {
  const lines = pieces(bytes);
  const rest = lines.at(-1) ?? Buffer.alloc(0);
  const complete = lines.slice(0, -1);
  const entries: JournalEntry[] = [];
  let wholeBytes = 0;

  const damage = (what: string): DeployError =>
    damaged(`${path}, line ${entries.length + 1},`, what, `look at ${path}, then move ${dirname(path)} elsewhere`);

  for (const [index, line] of complete.entries()) {
    const decoded = decodeLine(line);
    if (decoded.is === 'strange') {
      const { version } = decoded;
      if (version !== null && version > JOURNAL_VERSION) throw tooNew(path, version, JOURNAL_VERSION);
      throw damage('it is whole, but not an entry of a journal');
    }
    if (decoded.is === 'broken') {
      const last = index === complete.length - 1 && rest.length === 0;
      if (!last || startsWithLine(line)) throw damage('its checksum is not right');
      return { version: 1, entries, torn: true, wholeBytes };
    }
    const wrong = misplaced(decoded.entry, entries.at(-1));
    if (wrong !== null) throw damage(wrong);
    entries.push(decoded.entry);
    wholeBytes += line.length + 1;
  }
  if (startsWithLine(rest)) throw damage('it runs into the next one');
  return { version: 1, entries, torn: rest.length > 0, wholeBytes };
};

/**
 * The first and the last entry of a journal whose operation is over, without a look at what is between them but for how many lines
 * that is: nothing will be done by it any more, and a project has many. Null: it is not over, or not whole; `scanJournal` says which.
 */
export const endsOfJournal = (bytes: Buffer): readonly [begin: JournalEntry, end: JournalEntry] | null => {
  if (bytes.at(-1) !== NEWLINE) return null;
  const first = decodeLine(bytes.subarray(0, bytes.indexOf(NEWLINE)));
  const last = decodeLine(bytes.subarray(bytes.lastIndexOf(NEWLINE, -2) + 1, -1));
  if (first.is !== 'entry' || last.is !== 'entry' || !isOver(last.entry)) return null;
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return first.entry.type === 'begin' && first.entry.seq === 1 && last.entry.seq === lines
    ? [first.entry, last.entry]
    : null;
};

/**
 * Reads a journal. A torn last line is tolerated.
 *
 * @throws DeployError 'halted-earlier', naming file and line, for any other damage; 'config-invalid' for the journal of
 * a later version
 */
export const readJournal = async (path: string): Promise<JournalContent> => {
  const { version, entries, torn } = scanJournal(path, await readFile(path));
  return { version, entries, torn };
};
