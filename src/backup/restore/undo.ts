import { DeployError, messageOf } from '../../errors.ts';
import { dropLeftovers } from './leftovers.ts';
import { swapBack } from './swap.ts';
import type { Work } from './work.ts';

/** As a person needs it, without losing the first failure. */
const failed = (error: unknown, state: string, details: readonly string[]): DeployError => {
  const cause = error instanceof DeployError ? error : null;
  return new DeployError('restore-failed', `${messageOf(error)} (${state})`, {
    cause: error,
    hint: cause?.hint ?? 'look at the database, then run the restore again',
    details: [...(cause?.details ?? []), ...details],
  });
};

/** Before the swap nothing live was touched: the staged copies go, and the failure is told. */
export const unstage = async ({ database, operation, signal }: Work, error: unknown): Promise<never> => {
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (signal?.aborted && problems.length === 0) throw signal.reason;
  throw failed(error, 'nothing live was touched', problems);
};

/** In the midst of the swap: what was live is brought back, and the failure is told. */
export const unswap = async (work: Work, error: unknown): Promise<never> => {
  const { database, operation, plan, signal } = work;
  try {
    await swapBack(database, plan);
    // From here on the names alone do not tell that the undo is over, and kept copies may go.
    await operation.note('restore.undone', { because: messageOf(error) });
  } catch (second) {
    throw new DeployError(
      'restore-failed',
      `${messageOf(error)}; bringing back what was live failed too: ${messageOf(second)}`,
      {
        cause: error,
        hint: 'nothing is lost: what was live is there, some of it under the names below; `kaleem-deploy recover` puts it back',
        details: plan.collections.flatMap(({ db, collection, kept }) =>
          kept === null ? [] : [`${db}.${collection}: ${db}.${kept}`],
        ),
      },
    );
  }
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (signal?.aborted && problems.length === 0) throw signal.reason;
  throw failed(error, 'what was live is live again', problems);
};

/** Drops what was live before, now that the restore is complete. */
export const finish = async ({ database, operation, plan }: Work): Promise<void> => {
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (problems.length === 0) return;
  throw new DeployError(
    'restore-failed',
    `the backup is restored, but ${problems.length} of ${plan.collections.length} old collections could not be removed`,
    {
      hint: '`kaleem-deploy recover` removes them',
      details: problems,
    },
  );
};
