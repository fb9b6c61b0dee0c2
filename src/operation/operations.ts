import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#failpoint';
import type { Clock } from '../system/clock.ts';
import { removeDurably, syncDirectory } from '../system/durable-file.ts';
import type { Redactor } from '../system/redact.ts';
import { createJournal, type Journal } from './journal.ts';
import { type Operation, type OperationKind, runningOperation } from './operation.ts';
import { journalOf, operationIds } from './records.ts';
import type { StateDirectory } from './state.ts';
import { writeError } from './state-error.ts';
import { endHarmless, refuseWhileOpen } from './unfinished.ts';

export type { Operation, OperationKind, Outcome } from './operation.ts';
export { listOperations, type OperationRecord } from './records.ts';
export { openOperations } from './unfinished.ts';
export { currentUser } from './user.ts';

export interface BeginOptions {
  readonly state: StateDirectory;
  readonly kind: OperationKind;
  /** Tag, backup id, `on`/`off`; may be empty. */
  readonly subject: string;
  readonly who: string;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

const nextSequence = async (state: StateDirectory): Promise<number> =>
  ((await operationIds(state))[0]?.sequence ?? 0) + 1;

/**
 * Begins an operation: its directory and the first line of its journal are on disk when this is over. The caller holds
 * the project's lock. A backup or prune that died is written off as failed; it can't have left anything half done.
 *
 * @throws DeployError 'halted-earlier' when another operation died or halted, naming it and how to look, or when a journal
 * is damaged; 'disk-full'
 */
export const beginOperation = async (options: BeginOptions): Promise<Operation> => {
  const { state, kind, subject, who, clock, redactor, signal } = options;
  await refuseWhileOpen(state);
  await endHarmless(state, { clock, redactor });
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
    await journal.append('begin', kind, { subject, who });
    await failpoint('operation.begin.after');
    return runningOperation({ id, sequence, kind, directory, signal, journal, clock });
  } catch (error) {
    await journal?.close();
    // Where that fails too: a directory without a begin line is no operation to anyone.
    await removeDurably(directory).catch(() => {});
    throw error;
  }
};
