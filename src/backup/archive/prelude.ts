import { namespaceOf } from '../namespace.ts';
import { lengthProblem } from './bson.ts';
import type { ByteCursor } from './byte-cursor.ts';
import {
  type ArchiveHeader,
  decodeHeader,
  decodePreludeEntry,
  MAGIC,
  type PreludeEntry,
  TERMINATOR_LENGTH,
} from './format.ts';
import { archiveInvalid, decodeAt } from './invalid.ts';

/** What a prelude may take in memory, all its entries together. */
const LARGEST_PRELUDE = 256 * 1024 * 1024;
const MOST_NAMESPACES = 100_000;

export interface Prelude {
  readonly header: ArchiveHeader;
  readonly entries: readonly PreludeEntry[];
}

/** The next document, or null for a terminator. */
export const takeDocument = async (path: string, cursor: ByteCursor, what: string): Promise<Buffer | null> => {
  if (!(await cursor.fill(4)))
    throw archiveInvalid(path, `at byte ${cursor.offset}: the archive is cut off before ${what}`);
  const length = cursor.peekInt32();
  if (length === TERMINATOR_LENGTH) {
    cursor.take(4);
    return null;
  }
  const problem = lengthProblem(length);
  if (problem !== null) throw archiveInvalid(path, `${what} at byte ${cursor.offset}: ${problem}`);
  if (!(await cursor.fill(length))) {
    throw archiveInvalid(path, `at byte ${cursor.offset}: the archive is cut off in ${what}`);
  }
  return cursor.take(length);
};

/** Everything before the first block. `backup-invalid` says what is wrong and at which byte. */
export const readPrelude = async (path: string, cursor: ByteCursor): Promise<Prelude> => {
  if (!(await cursor.fill(4)) || !cursor.take(4).equals(MAGIC)) {
    throw archiveInvalid(path, 'this is not an archive: it does not start with 6d e2 99 81');
  }
  const first = await takeDocument(path, cursor, 'the archive header');
  if (first === null) throw archiveInvalid(path, 'at byte 4: there is no archive header');
  const header = decodeAt(path, 4, 'archive header', () => decodeHeader(first));
  const entries = new Map<string, PreludeEntry>();
  for (;;) {
    const at = cursor.offset;
    const bytes = await takeDocument(path, cursor, 'a prelude entry');
    if (bytes === null) return { header, entries: [...entries.values()] };
    const entry = decodeAt(path, at, 'prelude entry', () => decodePreludeEntry(bytes));
    const namespace = namespaceOf(entry);
    if (entries.has(namespace))
      throw archiveInvalid(path, `prelude entry at byte ${at}: ${namespace} is announced twice`);
    entries.set(namespace, entry);
    if (entries.size > MOST_NAMESPACES || cursor.offset > LARGEST_PRELUDE) {
      throw archiveInvalid(path, `prelude entry at byte ${at}: it announces more than a reader will hold`);
    }
  }
};
