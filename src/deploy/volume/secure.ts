import { oplogEnd } from '../../backup/oplog.ts';
import type { ContainerState } from '../../compose/engine.ts';
import { DeployError, messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';
import { identify, rememberIdentity, withDatabase } from '../database.ts';
import { NOTE, type Run } from '../run.ts';
import { holdRestarts, ofServices, projectContainers, stopGracefully } from '../writers.ts';
import type { Helper } from './helper.ts';
import { type SnapshotRecord, writeSnapshotRecord } from './record.ts';
import { copyTrees } from './tree.ts';

/** A database that is not given the time to end well has to mend itself when it starts, which takes longer. */
const LEAST_GRACE_MS = 60_000;

/** The containers of the database's service, whichever release they are of. */
export const databaseContainers = async ({ context, plan }: Run): Promise<readonly ContainerState[]> => {
  const { database } = plan.old?.roles ?? plan.roles;
  return database === null ? [] : ofServices(await projectContainers(context), [database]);
};

/** Stops them gracefully; they start again only when they are told to, whatever happens to the engine. */
export const stopDatabase = async (
  { context, plan, operation }: Run,
  containers: readonly ContainerState[],
): Promise<void> => {
  await holdRestarts(context, operation, containers);
  await stopGracefully(context, operation, containers, {
    levels: [],
    graceMs: (service) => Math.max(LEAST_GRACE_MS, plan.old?.rendered.services[service]?.stopGraceMs ?? 0),
  });
};

const POLL_MS = 100;

/** A database that was just started answers, and takes writes. */
export const waitForDatabase = async (context: Context): Promise<void> => {
  const { attempts, clock, signal } = { ...context, ...context.config };
  const deadline = clock.monotonic() + attempts.attempts * attempts.intervalMs;
  for (;;) {
    try {
      return await withDatabase(context, async () => {});
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DeployError) || error.code !== 'database-unreachable' || clock.monotonic() > deadline)
        throw error;
    }
    await clock.sleep(POLL_MS, signal);
  }
};

/** The helper is waited for by nobody: the database starts meanwhile. */
export const closeHelper = async (context: Context, helper: Helper): Promise<void> => {
  await helper.close().catch((error: unknown) => context.log.debug(`the helper is still there: ${messageOf(error)}`));
};

const take = async (run: Run, record: SnapshotRecord, helper: Helper): Promise<void> => {
  const { context, operation, state, plan } = run;
  const containers = await databaseContainers(run);
  const [container] = containers;
  if (container === undefined) throw new DeployError('backup-failed', 'the container of the database is gone');
  await operation.note(NOTE.volume, {});
  const before = await withDatabase(context, async (database) => {
    await rememberIdentity(state, await identify(database, container));
    const clusterTime = await oplogEnd(database, context.signal);
    return { clusterTime, replicaSetId: database.server.replicaSetId };
  });
  await context.progress.step('snapshot the volume of the database', async (step) => {
    await stopDatabase(run, containers);
    const digests = await operation.effect('volume.copy', { parts: record.parts }, () => copyTrees(helper));
    const parts = record.parts.map((part, index) => ({ ...part, digest: digests[index] ?? null }));
    const whole = { ...record, ...before, parts };
    await writeSnapshotRecord(state, whole);
    run.snapshot = { record: whole, helper: null };
    step.detail('starting it again');
    const closed = closeHelper(context, helper);
    // One that is replaced need not come back first.
    if (!plan.changed.has(container.service)) {
      const ids = [container.id];
      await operation.effect('containers.start', { ids, services: [container.service] }, () =>
        context.docker.start(ids),
      );
      await waitForDatabase(context);
    }
    await closed;
    step.summary(parts.map(({ source }) => source).join(', '));
  });
};

/** As when a backup fails: nothing was switched, and the old release runs again. */
const asSnapshotFailure = (error: unknown): DeployError =>
  new DeployError('backup-failed', `the snapshot of the database's volume failed: ${messageOf(error)}`, {
    cause: error,
    ...(error instanceof DeployError ? { details: error.details } : {}),
    hint: 'df -h; `backup: {before_deploy: archive}` in kaleem-deploy.yml takes a backup instead',
  });

/** Stops the database, copies its files, and starts it again, behind the fence. No whole copy, no deploy. */
export const takeSnapshot = async (run: Run): Promise<void> => {
  const { snapshot, context } = run;
  if (snapshot?.helper == null) throw new DeployError('bug', 'a snapshot was to be taken that nobody has prepared');
  try {
    await take(run, snapshot.record, snapshot.helper);
  } catch (error) {
    throw context.signal.aborted ? context.signal.reason : asSnapshotFailure(error);
  }
};
