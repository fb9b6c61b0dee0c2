import { oplogSince } from '../../backup/oplog.ts';
import { DeployError, messageOf } from '../../errors.ts';
import { withDatabase } from '../database.ts';
import type { Run } from '../run.ts';
import { openHelper } from './helper.ts';
import { isWholeSnapshot, placesOf, type SnapshotRecord, writeSnapshotRecord } from './record.ts';
import { databaseContainers, stopDatabase } from './secure.ts';
import { putTreesBack } from './tree.ts';

/** Whether an oplog tells that nothing was written since the snapshot. Without one nobody knows, short of reading everything. */
const isUntouched = async (run: Run, { clusterTime, replicaSetId }: SnapshotRecord): Promise<boolean> => {
  const { context, plan, operation } = run;
  const containers = await databaseContainers(run);
  // Another version of the server may have changed the files alone.
  const replaced =
    containers.length !== 1 ||
    containers.some(({ state, service }) => state !== 'running' || plan.changed.has(service));
  if (clusterTime === null || replicaSetId === null || replaced) return false;
  try {
    return await withDatabase(context, async (database) => {
      if (database.server.replicaSetId !== replicaSetId) return false;
      const scope = context.config.database?.name ?? null;
      return (await oplogSince(database.marked(operation.id), clusterTime, scope, context.signal)).kind === 'none';
    });
  } catch (error) {
    context.log.debug(`the oplog was not asked: ${messageOf(error)}`);
    return false;
  }
};

/**
 * Brings the database's files back to what the snapshot has, unless nothing was written since; what the failed version left is
 * kept beside them. The database does not run afterwards, where they were put back. Can be gone on with after a crash.
 *
 * @returns where what the failed version left is kept; null: nothing had to be put back
 */
export const putSnapshotBack = async (run: Run, record: SnapshotRecord): Promise<readonly string[] | null> => {
  const { context, operation, state } = run;
  if (!isWholeSnapshot(record)) throw new DeployError('bug', 'half a snapshot was to be put back');
  const untouched = await isUntouched(run, record);
  await operation.note('database.compared', {
    changed: !untouched,
    reason: untouched ? 'the oplog' : 'volume snapshot',
  });
  if (untouched) return null;
  const failed: SnapshotRecord = { ...record, holds: 'failed' };
  await context.progress.step('put the snapshot of the volume back', async (step) => {
    await stopDatabase(run, await databaseContainers(run));
    const helper = await openHelper(context, operation.id, record);
    try {
      const digests = record.parts.map(({ digest }) => digest ?? '');
      await operation.effect('volume.put-back', { parts: record.parts }, () => putTreesBack(helper, digests));
    } finally {
      await helper.close();
    }
    await writeSnapshotRecord(state, failed);
    run.snapshot = { record: failed, helper: null };
    step.summary(`what ${record.tag} left is in ${placesOf(failed).join(', ')}`);
  });
  return placesOf(failed);
};
