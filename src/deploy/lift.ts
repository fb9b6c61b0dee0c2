import type { RenderedProject } from '../compose/rendered.ts';
import { DeployError, messageOf } from '../errors.ts';
import { removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { withDatabase } from './database.ts';
import { NOTE, type Run, unstoppable } from './run.ts';
import { releaseRestarts } from './writers.ts';

/** TTL deletions go on, where they were stopped. */
export const resumeTtl = async (run: Run): Promise<void> => {
  const { context, ttl } = run;
  run.ttl = null;
  if (ttl?.paused) await withDatabase(context, (database) => ttl.resume(database));
};

/** Gives the containers their restart policies back and lets traffic in. */
export const lift = async (run: Run, rendered: RenderedProject): Promise<void> => {
  const { context, operation, fence } = run;
  if (fence === null) return;
  await context.progress.step('lift the fence', async (step) => {
    const policies = Object.values(rendered.services).map((service) => [service.name, service.restart] as const);
    await releaseRestarts(context, operation, Object.fromEntries(policies));
    await resumeTtl(run);
    await around('lift.fence', () => fence.lift());
    run.fence = null;
    await removeDurably(run.state.file('fence.json'));
    await operation.note(NOTE.lifted, {});
    if (run.fencedAt !== null) run.downtimeMs = Math.round(context.clock.monotonic() - run.fencedAt);
    if (run.downtimeMs !== null) step.summary(`${(run.downtimeMs / 1000).toFixed(1)} s of downtime`);
  });
};

/** The release is live and stays so; what can still go wrong is that nobody gets to it. */
export const liftAfterCommit = async (run: Run): Promise<void> => {
  const { plan } = run;
  try {
    run.context = unstoppable(run.context);
    await lift(run, plan.pinned);
  } catch (error) {
    throw new DeployError('halted', `${plan.tag} is live, but the fence could not be lifted: ${messageOf(error)}`, {
      cause: error,
      hint: 'kaleem-deploy recover',
    });
  }
};
