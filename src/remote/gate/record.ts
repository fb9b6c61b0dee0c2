import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failpoint } from '#failpoint';
import { holdsSecretKey } from '../../config/age.ts';
import { writeError } from '../../operation/state-error.ts';
import type { Clock } from '../../system/clock.ts';
import { createFile, makeDirectory, removeDurably, syncDirectory } from '../../system/durable-file.ts';
import { assertOnlyOwnerWrites } from '../../system/permissions.ts';
import { asciiJson } from './ascii.ts';
import type { Caller } from './caller.ts';

/** What somebody asked for, and what became of it. */
export interface Asked {
  readonly caller: Caller;
  /** As it came; null: a login without a command. */
  readonly command: string | null;
  readonly outcome: { readonly argv: readonly string[] } | { readonly refused: string };
}

const LONGEST_COMMAND = 256;
const LONGEST_FILE = 1024 * 1024;
/** Files that are kept, the one that is written to among them. */
const MOST_FILES = 8;

const FILE = /^(\d{6})\.jsonl$/;
const nameOf = (number: number): string => `${String(number).padStart(6, '0')}.jsonl`;

const commandText = (command: string): string =>
  holdsSecretKey(command) ? '(it held a secret key)' : command.slice(0, LONGEST_COMMAND);

const lineOf = ({ caller, command, outcome }: Asked, at: Date): string => {
  const { key, fingerprint, address } = caller;
  const entry = {
    at: at.toISOString(),
    outcome: 'argv' in outcome ? 'allowed' : 'refused',
    ...{ key, fingerprint, verified: fingerprint !== null, address },
    command: command === null ? null : commandText(command),
    ...(command !== null && command.length > LONGEST_COMMAND ? { length: command.length } : {}),
    ...('argv' in outcome ? { argv: outcome.argv } : { why: outcome.refused }),
  };
  return `${asciiJson(entry)}\n`;
};

const numbersIn = async (folder: string): Promise<readonly number[]> =>
  (await readdir(folder))
    .flatMap((name) => FILE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);

/** Appends to a file that is there, durably. False: it is full, and nothing was written. */
const append = async (path: string, line: string): Promise<boolean> => {
  await failpoint('gate.record.before');
  const handle = await open(path, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    if (size >= LONGEST_FILE) return false;
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    // A line that a power cut or a full disk has torn ends here.
    const bytes = Buffer.from(size > 0 && last.toString() !== '\n' ? `\n${line}` : line);
    const { bytesWritten } = await handle.write(bytes);
    if (bytesWritten !== bytes.length) {
      throw Object.assign(new Error(`only ${bytesWritten} of ${bytes.length} bytes fit`), { code: 'ENOSPC' });
    }
    await failpoint('gate.record.written');
    await handle.sync();
    // Just begun, be it by another gate.
    if (size === 0) await syncDirectory(dirname(path));
    await failpoint('gate.record.after');
    return true;
  } finally {
    await handle.close();
  }
};

const unlessThere = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EEXIST') throw error;
};

const write = async (folder: string, line: string): Promise<void> => {
  await makeDirectory(folder);
  await assertOnlyOwnerWrites(folder, `the gate's record ${folder}`);
  const numbers = await numbersIn(folder);
  const newest = numbers.at(-1) ?? 0;
  if (newest > 0 && (await append(join(folder, nameOf(newest)), line))) return;
  // Whoever else finds it full at this moment begins the same file: nothing is renamed, so no line gets lost.
  const next = join(folder, nameOf(newest + 1));
  await createFile(next, '').catch(unlessThere);
  await append(next, line);
  for (const number of numbers.slice(0, -(MOST_FILES - 1))) await removeDurably(join(folder, nameOf(number)));
};

/**
 * Writes down what was asked of a gate, one line of JSON, on disk when this is over. `folder` has files of 1 MiB, numbered, of which the last
 * eight stay. Many may write at once.
 * @throws DeployError 'disk-full', ...: what can't be written down is not to be done
 */
export const recordAsked = async (folder: string, clock: Clock, asked: Asked): Promise<void> => {
  try {
    await write(folder, lineOf(asked, clock.now()));
  } catch (error) {
    throw writeError(`write the gate's record in ${folder}`, error);
  }
};
