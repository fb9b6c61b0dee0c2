import { isWhole, listBackups } from '../../backup/catalogue.ts';
import type { Manifest } from '../../backup/manifest.ts';
import type { ContainerState } from '../../compose/engine.ts';
import { DeployError, messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';
import { withDatabase } from '../database.ts';
import type { Run } from '../run.ts';
import { ofServices, projectContainers } from '../writers.ts';
import { archiveMs, isQuicker, mayBeQuicker, snapshotMs } from './estimate.ts';
import { dataParts, dataPath, memberCount, planObstacle } from './find-data.ts';
import { openHelper } from './helper.ts';
import { type SnapshotRecord, writeSnapshotRecord } from './record.ts';
import { discardSnapshot } from './sweep.ts';
import { probeTrees } from './tree.ts';

const lastWholeBackup = async ({ config }: Context): Promise<Manifest | null> => {
  const entries = (await listBackups(config.backup.directory)).filter(isWhole);
  return entries.find(({ manifest }) => manifest.partial === undefined)?.manifest ?? null;
};

/** A text: why there can't be a snapshot. */
const findParts = (context: Context, container: ContainerState): Promise<SnapshotRecord['parts'] | string> =>
  withDatabase(context, async (database) => {
    const { signal } = context;
    if ((await memberCount(database, signal)) > 1) return 'its replica set has several members';
    const parts = dataParts(container, await dataPath(database, signal));
    return typeof parts === 'string' ? parts : parts.map((part) => ({ ...part, digest: null }));
  });

/** Room that the copy must leave, as a part of itself. */
const SPARE = 1.1;
const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** Null: ready. A text: why not. Rejects with what the helper could not do. */
const makeReady = async (
  run: Run,
  record: SnapshotRecord,
  quickEnough: (takesMs: number) => boolean,
): Promise<string | null> => {
  const { context, operation } = run;
  const helper = await openHelper(context, operation.id, record);
  let ready = false;
  try {
    const { reflink, bytes, freeBytes } = await probeTrees(helper);
    context.log.debug('a snapshot of the volume', { reflink, bytes, freeBytes });
    if (!reflink && freeBytes < bytes * SPARE) {
      return `its copy needs ${megabytes(bytes * SPARE)} and ${megabytes(freeBytes)} are free`;
    }
    if (!quickEnough(snapshotMs({ bytes, reflink }))) return 'a backup is quicker';
    run.snapshot = { record, helper };
    ready = true;
    return null;
  } finally {
    if (!ready) await helper.close();
  }
};

/**
 * Decides how the database is secured behind the fence, before anything goes down: `run.snapshot` is there when it is by a snapshot
 * of its volume, with a helper that stands by.
 *
 * @throws DeployError 'unsupported' when the configuration insists on a snapshot and there can't be one
 */
export const prepareSnapshot = async (run: Run): Promise<void> => {
  const { context, plan, operation, state } = run;
  const { beforeDeploy } = context.config.backup;
  const { database } = plan.roles;
  if (beforeDeploy === 'archive' || context.config.database === null || !plan.writersChange) return;
  const containers = database === null ? [] : ofServices(await projectContainers(context), [database]);
  const [container] = containers;
  const refuse = (why: string): void => {
    context.log.debug(`no snapshot of the volume: ${why}`);
    // There it has nothing to offer, whatever is configured.
    const pointless = plan.old === null || plan.restore !== null;
    if (beforeDeploy === 'auto' || pointless) return;
    throw new DeployError('unsupported', `there can be no snapshot of the database's volume: ${why}`, {
      hint: 'set `backup: {before_deploy: auto}` in kaleem-deploy.yml, which then takes a backup',
    });
  };
  const obstacle = planObstacle(plan, containers);
  if (obstacle !== null || container === undefined) return refuse(obstacle ?? '');
  const dataBytes = run.dataBytes ?? 0;
  const backupMs = archiveMs(dataBytes, await lastWholeBackup(context));
  if (beforeDeploy === 'auto' && !mayBeQuicker(dataBytes, backupMs)) return;
  const parts = await findParts(context, container);
  if (typeof parts === 'string') return refuse(parts);
  const record: SnapshotRecord = {
    ...{ version: 1, operation: operation.id, tag: plan.tag, createdAt: context.clock.now().toISOString() },
    ...{ imageId: container.imageId, parts, clusterTime: null, replicaSetId: null, holds: 'before' },
  };
  await context.progress.step('prepare a snapshot of the database', async (step) => {
    await writeSnapshotRecord(state, record);
    const quickEnough = (takesMs: number) => beforeDeploy === 'volume' || isQuicker(takesMs, backupMs);
    const why = await makeReady(run, record, quickEnough).catch((error: unknown) => {
      context.signal.throwIfAborted();
      return messageOf(error);
    });
    if (why === null) return;
    await discardSnapshot(context, operation, state, record);
    step.summary(`not possible: ${why}`);
    refuse(why);
  });
};
