import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '#failpoint';
import { DeployError } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { syncDirectory } from '../system/durable-file.ts';
import type { Redactor } from '../system/redact.ts';
import { redactValues } from '../system/redact-values.ts';
import { type EntryType, encodeLine, type JournalEntry } from './journal-line.ts';
import { isOver, scanJournal } from './journal-read.ts';
import type { Json } from './json.ts';
import { writeError } from './state-error.ts';

export type { JournalEntry } from './journal-line.ts';
export { readJournal } from './journal-read.ts';

/** What an operation does, in the order it was said, each line on disk before `append` is over. */
export interface Journal {
  /**
   * Appends one line. Calls at the same time are put in a row. The first entry is `begin`, nothing comes after `end` (but
   * a recovery's entries, once the journal of an operation that halted is resumed).
   *
   * @param step - a name from the code ("fence.raise"), letters, digits and `.-_:/`; everything else belongs into `data`
   * @param data - its strings are redacted; keys are names, like steps, and are not
   * @throws DeployError ('disk-full', ...) when the line may not be on disk; every later call is then refused, for a
   * journal with a gap would tell recovery a story that did not happen
   */
  append(type: EntryType, step: string, data?: Json): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly clock: Clock;
  readonly redactor: Redactor;
}

/**
 * Steps are not redacted, for recovery goes by them and a password may be an ordinary word ("restore"); so they can't be
 * free text either.
 */
const STEP = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/;

const writeLine = async (handle: FileHandle, line: Buffer): Promise<void> => {
  await failpoint('journal.append.before');
  const { bytesWritten } = await handle.write(line);
  if (bytesWritten !== line.length) {
    // A full disk takes what still fits and says ENOSPC to the next write only.
    throw Object.assign(new Error(`only ${bytesWritten} of ${line.length} bytes fit`), { code: 'ENOSPC' });
  }
  await failpoint('journal.append.written');
  await handle.sync();
  await failpoint('journal.append.after');
};

const journalOn = (path: string, handle: FileHandle, last: JournalEntry | null, options: JournalOptions): Journal => {
  let seq = last?.seq ?? 0;
  let ended = isOver(last);
  let broken: DeployError | null = null;
  let closing: Promise<void> | null = null;
  let queue = Promise.resolve();

  const write = async (type: EntryType, step: string, data: Json): Promise<void> => {
    if (broken !== null) {
      throw new DeployError(broken.code, `${path} takes no more entries since it failed (${broken.message})`, {
        cause: broken,
      });
    }
    if ((type === 'begin') !== (seq === 0) || ended)
      throw new DeployError('bug', `${path}: ${type} (${step}) out of order`);
    try {
      await writeLine(handle, encodeLine({ seq: seq + 1, at: options.clock.now().toISOString(), type, step, data }));
    } catch (error) {
      broken = writeError(`write ${path}`, error);
      throw broken;
    }
    seq += 1;
    ended = type === 'end';
  };

  return {
    append: async (type, step, data = null) => {
      if (closing !== null) throw new DeployError('bug', `${path} is closed, yet ${type} (${step}) came`);
      if (!STEP.test(step)) throw new DeployError('bug', `${JSON.stringify(step)} is no name for a step`);
      // Copied now: the caller may go on changing it.
      const copy = redactValues(data, options.redactor) as Json;
      const done = queue.then(() => write(type, step, copy));
      queue = done.catch(() => {});
      await done;
    },
    close: () => {
      closing ??= queue.then(() => handle.close());
      return closing;
    },
  };
};

/** Creates a journal, durably. Refuses an existing file. */
export const createJournal = async (path: string, options: JournalOptions): Promise<Journal> => {
  let handle: FileHandle | null = null;
  try {
    await failpoint('journal.create.before');
    handle = await open(path, 'ax', 0o600);
    await failpoint('journal.create.opened');
    await syncDirectory(dirname(path));
    await failpoint('journal.create.after');
    return journalOn(path, handle, null, options);
  } catch (error) {
    await handle?.close();
    throw writeError(`create ${path}`, error);
  }
};

/** Goes on with the journal of an operation that died, after its last whole line; what was torn is cut off. */
export const resumeJournal = async (path: string, options: JournalOptions): Promise<Journal> => {
  const { entries, torn, wholeBytes } = scanJournal(path, await readFile(path));
  const handle = await open(path, 'a', 0o600);
  try {
    if (torn) {
      await failpoint('journal.cut.before');
      await handle.truncate(wholeBytes);
      await failpoint('journal.cut.written');
      await handle.sync();
      await failpoint('journal.cut.after');
    }
  } catch (error) {
    await handle.close();
    throw writeError(`write ${path}`, error);
  }
  return journalOn(path, handle, entries.at(-1) ?? null, options);
};
