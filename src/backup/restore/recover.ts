import { DeployError } from '../../errors.ts';
import type { JournalEntry } from '../../operation/journal.ts';
import { findLeftovers } from '../collections.ts';
import type { Database } from '../connection.ts';
import { dropLeftovers } from './leftovers.ts';
import { decodePlan, type SwapPlan } from './plan.ts';
import { swapBack } from './swap.ts';

/** Names of steps in the journal. */
export const STEP = { stage: 'restore.stage', swap: 'restore.swap', finish: 'restore.finish' } as const;

/**
 * nothing: no restore had begun, or it was over. removed: only staged copies were there. undone: live is what it was
 * before the restore. finished: the restore was complete but for removing the old collections.
 */
export type RestoreRecovery = 'nothing' | 'removed' | 'undone' | 'finished';

const lastOf = (entries: readonly JournalEntry[], type: JournalEntry['type'], step: string): JournalEntry | null =>
  entries.findLast((entry) => entry.type === type && entry.step === step) ?? null;

const planOf = (entry: JournalEntry): SwapPlan => {
  const plan = decodePlan(entry.data);
  if (plan !== null) return plan;
  throw new DeployError('halted-earlier', `the journal's plan of the restore (line ${entry.seq}) cannot be read`, {
    hint: 'a newer version of kaleem-deploy may have written it: use that one',
  });
};

/**
 * Ends a restore that died at any instant, from its operation's journal and the names in the database: back to what was
 * live before, or, when it had come to removing the old collections, forward. Then the restore can be run anew.
 * Idempotent. Before it, end what the dead operation still runs in the server (`endServerOperations`).
 */
export const recoverRestore = async (options: {
  readonly database: Database;
  /** Id of the operation that died. */
  readonly operation: string;
  readonly entries: readonly JournalEntry[];
}): Promise<RestoreRecovery> => {
  const { operation, entries } = options;
  const database = options.database.marked(operation);
  const own = (await findLeftovers(database)).filter((leftover) => leftover.operation === operation);
  const swap = lastOf(entries, 'intent', STEP.swap);
  const finish = lastOf(entries, 'intent', STEP.finish);
  const finished = finish !== null && (swap === null || finish.seq > swap.seq);
  const undone = swap !== null && lastOf(entries, 'note', 'restore.undone');
  if (!finished && swap !== null && !(undone && undone.seq > swap.seq)) {
    await swapBack(database, planOf(swap));
    await removeAll(database, operation);
    return 'undone';
  }
  if (own.length === 0) return 'nothing';
  await removeAll(database, operation);
  return finished ? 'finished' : 'removed';
};

const removeAll = async (database: Database, operation: string): Promise<void> => {
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation);
  if (problems.length === 0) return;
  throw new DeployError('restore-failed', 'temporary collections of the restore could not be removed', {
    details: problems,
  });
};
