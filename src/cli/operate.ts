import type { OperationRequest } from '../deploy/app.ts';
import { askedBefore } from './asked-before.ts';
import { followStarted } from './follow.ts';
import type { Job } from './job.ts';
import type { Session } from './session.ts';
import type { Schedule, Scheduled } from './verb.ts';

export interface Operate {
  readonly command: Scheduled['command'];
  /** What Ctrl-C leads to. */
  readonly interruption: Scheduled['interruption'];
  readonly request: OperationRequest;
  /** What is asked before it runs ("prune"), when it destroys something; null when it never does. */
  readonly confirm: string | null;
}

const carryOut = async (
  session: Session,
  { request, confirm }: Pick<Operate, 'request' | 'confirm'>,
): Promise<number | undefined> => {
  const { dryRun, yes, config, destination, lockWaitMs, requestId } = session.options;
  if (dryRun) {
    await session.warnAboutConfig();
    await session.withApp(async (app) => session.showPlan(await app.plan(request)));
    return undefined;
  }
  const before = await askedBefore(session, request);
  if (before !== null) return before;
  const asks = confirm !== null && !yes;
  if (asks) {
    session.assertConfirmable(confirm);
    await session.warnAboutConfig();
    await session.withApp((app) => session.confirm(confirm, () => app.plan(request)));
  }
  const interruption = session.interruption === 'rolls-back' ? 'rolls-back' : 'ends';
  const job: Job = { request, options: { config, destination, lockWaitMs, requestId }, interruption, warned: asks };
  // The same command may have come twice, and the other one was first.
  return followStarted(session, job, () => askedBefore(session, request));
};

/** What every verb that changes something does: the plan with --dry-run, else ask, and have it done by a runner. */
export const operate = (schedule: Schedule, { command, interruption, ...asked }: Operate): void =>
  schedule({ command, interruption, confirm: asked.confirm, job: (session) => carryOut(session, asked) });
