import type { RenderedProject } from '../compose/rendered.ts';
import { DeployError, messageOf } from '../errors.ts';
import { removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { withDatabase } from './database.ts';
import { NOTE, type Run, unstoppable } from './run.ts';
import { longRunning } from './verify.ts';
import { ofServices, projectContainers, releaseRestarts } from './writers.ts';

/** TTL deletions go on, where they were stopped. */
export const resumeTtl = async (run: Run): Promise<void> => {
  const { context, ttl } = run;
  run.ttl = null;
  if (ttl?.paused) await withDatabase(context, (database) => ttl.resume(database));
};

/**
 * Starts what is down although it was verified: an engine that was restarted meanwhile brings back all that has a restart
 * policy, and what is fenced has none.
 */
const startWhatWentDown = async ({ context, operation }: Run, standing: ReadonlySet<string>): Promise<void> => {
  const containers = ofServices(await projectContainers(context), standing);
  const ids = containers.filter(({ state }) => ['created', 'exited', 'dead'].includes(state)).map(({ id }) => id);
  if (ids.length > 0) await operation.effect('containers.start', { ids }, () => context.docker.start(ids));
};

/**
 * Gives the containers their restart policies back and lets traffic in.
 *
 * @param standing - services that were verified to run
 */
export const lift = async (run: Run, rendered: RenderedProject, standing: Iterable<string>): Promise<void> => {
  const { context, operation, fence } = run;
  if (fence === null) return;
  await context.progress.step('lift the fence', async (step) => {
    const policies = Object.values(rendered.services).map((service) => [service.name, service.restart] as const);
    await releaseRestarts(context, operation, Object.fromEntries(policies));
    await startWhatWentDown(run, new Set(standing));
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
    await lift(run, plan.pinned, longRunning(run));
  } catch (error) {
    throw new DeployError('halted', `${plan.tag} is live, but the fence could not be lifted: ${messageOf(error)}`, {
      cause: error,
      hint: 'kaleem-deploy recover',
    });
  }
};
