import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#failpoint';
import type { Clock } from '../system/clock.ts';
import { removeDurably, syncDirectory } from '../system/durable-file.ts';
import type { Redactor } from '../system/redact.ts';
import { createJournal, type Journal, type JournalEntry, resumeJournal } from './journal.ts';
import { readJournal } from './journal-read.ts';
import { type Operation, type OperationKind, runningOperation } from './operation.ts';
import { journalOf, listOperations, type OperationRecord, operationIds } from './records.ts';
import type { StateDirectory } from './state.ts';
import { writeError } from './state-error.ts';
import { refuseWhileOpen } from './unfinished.ts';

export type { Operation, OperationKind, Outcome } from './operation.ts';
export { lastEnded, listOperations, type OperationRecord } from './records.ts';
export { markResolved, openOperations, operationName, unfinishedOperations } from './unfinished.ts';
export { currentUser } from './user.ts';

export interface BeginOptions {
  readonly state: StateDirectory;
  readonly kind: OperationKind;
  /** Tag, backup id, `on`/`off`; may be empty. */
  readonly subject: string;
  readonly who: string;
  /** Marks the processes that the operation starts; null: none of them can be told from others. */
  readonly runner: string | null;
  /** The name that whoever asks has for it. */
  readonly requestId: string | null;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

const nextSequence = async (state: StateDirectory): Promise<number> =>
  ((await operationIds(state))[0]?.sequence ?? 0) + 1;

/**
 * Begins an operation: its directory and the first line of its journal are on disk when this is over. The caller holds
 * the project's lock, and has recovered what died before.
 *
 * @throws DeployError 'halted-earlier' when another operation died or halted, naming it and how to look, or when a journal
 * is damaged; 'disk-full'
 */
export const beginOperation = async (options: BeginOptions): Promise<Operation> => {
  const { state, kind, subject, who, runner, requestId, clock, redactor, signal } = options;
  await refuseWhileOpen(state);
  const sequence = await nextSequence(state);
  const id = `${String(sequence).padStart(6, '0')}-${randomBytes(2).toString('hex')}`;
  const directory = join(state.operations, id);
  try {
    await failpoint('operation.begin.before');
    await mkdir(directory, { mode: 0o700 });
    await failpoint('operation.begin.directory');
    await syncDirectory(state.operations);
  } catch (error) {
    throw writeError(`create ${directory}`, error);
  }
  let journal: Journal | null = null;
  try {
    journal = await createJournal(journalOf(state, id), { clock, redactor });
    await journal.append('begin', kind, { subject, who, runner, requestId });
    await failpoint('operation.begin.after');
    return runningOperation({ id, sequence, kind, directory, signal, journal, clock });
  } catch (error) {
    await journal?.close();
    // Where that fails too: a directory without a begin line is no operation to anyone.
    await removeDurably(directory).catch(() => {});
    throw error;
  }
};

/** Removes the directories of operations whose process died before they had begun. The caller holds the lock. */
export const sweepUnbegun = async (state: StateDirectory): Promise<void> => {
  const begun = new Set((await listOperations(state)).map(({ id }) => id));
  for (const { id } of await operationIds(state)) {
    if (!begun.has(id)) await removeDurably(join(state.operations, id));
  }
};

export interface Resumed {
  readonly operation: Operation;
  /** What it did before it died, its begin first. */
  readonly entries: readonly JournalEntry[];
  /** Leaves it without an end, for the next recovery. Safe to call after `end`. */
  leave(): Promise<void>;
}

/** Goes on with the journal of an operation that died or halted, under its own id. The caller holds the lock. */
export const resumeOperation = async (
  { id, sequence, kind }: OperationRecord,
  { state, clock, redactor, signal }: Pick<BeginOptions, 'state' | 'clock' | 'redactor' | 'signal'>,
): Promise<Resumed> => {
  const path = journalOf(state, id);
  const { entries } = await readJournal(path);
  const journal = await resumeJournal(path, { clock, redactor });
  const directory = join(state.operations, id);
  return {
    operation: runningOperation({ id, sequence, kind, directory, signal, journal, clock, resumed: true }),
    entries,
    leave: () => journal.close(),
  };
};
