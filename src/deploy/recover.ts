import {
  currentUser,
  markResolved,
  operationName,
  resumeOperation,
  unfinishedOperations,
} from '../operation/operations.ts';
import { findState, type StateDirectory } from '../operation/state.ts';
import type { Context } from './context.ts';
import { turnOff } from './maintenance-off.ts';
import { readMaintenance } from './maintenance-record.ts';
import { type Session, withLock } from './operate.ts';
import { recoverUnfinished } from './recover-operations.ts';
import type { RecoverRequest } from './requests.ts';
import type { RecoverResult } from './results.ts';
import { unstoppable } from './run.ts';
import { telling } from './telling.ts';

/** What runs now is right, says a person: fences are lifted, restart policies given back, and nothing else is changed. */
const accept = async (given: Context, state: StateDirectory): Promise<readonly string[]> => {
  const context = unstoppable(given);
  const { clock, redactor, signal, progress } = context;
  const accepted: string[] = [];
  for (const record of (await unfinishedOperations(state)).toReversed()) {
    const { operation, leave } = await resumeOperation(record, { state, clock, redactor, signal });
    try {
      await operation.note('accepted', { who: currentUser() });
      const maintenance = await readMaintenance(state);
      await progress.step('lift the fence', () => turnOff(context, { state, operation }, maintenance));
    } finally {
      await leave();
    }
    await markResolved(state, record.id, currentUser());
    progress.note(`${operationName(record)} counts as over, with what runs now`);
    accepted.push(record.id);
  }
  return accepted;
};

/**
 * Brings what died or halted to old-good or new-good. With `accept` nothing but the fence and restart policies is changed.
 * Where there is nothing to recover, nothing is touched.
 */
export const recover = (session: Session, request: RecoverRequest): Promise<RecoverResult> =>
  telling(session, { kind: 'recover', subject: '' }, async (told) => {
    const context = await session.context();
    told.know({ project: context.project.name });
    return withLock(session, context, 'recover', async () => {
      const state = await findState(session.options.config.stateDirectory);
      if (state === null) return { recovered: [], accepted: [] };
      if (request.accept) return { recovered: [], accepted: await accept(context, state) };
      const recovered = await recoverUnfinished(context, state, { halted: true });
      told.recovered(recovered);
      return { recovered, accepted: [] };
    });
  });
