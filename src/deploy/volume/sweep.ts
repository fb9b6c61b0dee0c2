import type { BackupEntry } from '../../backup/catalogue.ts';
import { isWhole, listBackups, sequenceOf } from '../../backup/catalogue.ts';
import { messageOf } from '../../errors.ts';
import { listOperations, type Operation, type Outcome } from '../../operation/operations.ts';
import type { StateDirectory } from '../../operation/state.ts';
import type { Context } from '../context.ts';
import { kindOf } from '../what-to-remove.ts';
import { projectContainers } from '../writers.ts';
import { openHelper } from './helper.ts';
import { listSnapshotRecords, removeSnapshotRecord, type SnapshotRecord } from './record.ts';
import { removeTrees } from './tree.ts';

/** Whether a backup of everything was verified that the same operation took, or a later one. */
const isBackedUpSince = (operation: string, backups: readonly BackupEntry[]): boolean =>
  backups
    .filter(isWhole)
    .some(
      ({ manifest, marks }) =>
        kindOf(manifest) === 'whole' &&
        marks.verified !== null &&
        manifest.operation !== null &&
        sequenceOf(manifest.operation) >= sequenceOf(operation),
    );

export interface SnapshotChoice {
  readonly record: SnapshotRecord;
  /** For a person. */
  readonly reason: string;
}

/** An operation that has ended, or is about to. */
export type Ended = Pick<Operation, 'id' | 'kind'> & { readonly outcome: Outcome };

/**
 * Which volume snapshots nobody needs any more. What a failed version left is kept until another one fails or a later one is
 * live; what was there before a deploy, until a backup has been taken since. Of an operation that halted, for good: only a person
 * knows. Pure.
 *
 * @param ended - an operation that is not among them has not
 */
export const snapshotsToRemove = (
  records: readonly SnapshotRecord[],
  ended: readonly Ended[],
  backups: readonly BackupEntry[],
): readonly SnapshotChoice[] => {
  const lastFailed = records.findLast(({ holds }) => holds === 'failed');
  const isReplacedSince = (operation: string): boolean =>
    ended.some(
      ({ id, kind, outcome }) =>
        (kind === 'deploy' || kind === 'rollback') && outcome === 'succeeded' && sequenceOf(id) > sequenceOf(operation),
    );
  return records.flatMap((record): readonly SnapshotChoice[] => {
    const outcome = ended.find(({ id }) => id === record.operation)?.outcome;
    if (outcome === undefined || outcome === 'halted') return [];
    const remove = (reason: string) => [{ record, reason }];
    if (record.holds === 'failed') {
      if (record !== lastFailed) return remove('a later version failed too, and what that left is kept');
      return isReplacedSince(record.operation) ? remove('a later version is live') : [];
    }
    if (outcome !== 'succeeded') return remove('the database is as it was then');
    return isBackedUpSince(record.operation, backups) ? remove('a verified backup was taken since') : [];
  });
};

/** Removes a snapshot from the volumes that hold it, and its record last. */
export const discardSnapshot = async (
  context: Context,
  operation: Operation,
  state: StateDirectory,
  record: SnapshotRecord,
): Promise<void> => {
  const mounted = new Set(
    (await projectContainers(context)).flatMap(({ mounts }) => mounts.map((each) => each.name ?? each.source)),
  );
  // A volume that is gone would be made anew, and empty.
  const parts = record.parts.filter(({ source }) => mounted.has(source));
  await operation.effect('volume.remove', { of: record.operation, parts }, async () => {
    if (parts.length > 0) {
      const helper = await openHelper(context, operation.id, { ...record, parts });
      await removeTrees(helper).finally(() => helper.close());
    }
    await removeSnapshotRecord(state, record.operation);
  });
};

/** What there is to remove, for `--dry-run` too. `ending`: how the operation that runs now is about to end. */
export const chooseSnapshots = async (
  context: Context,
  state: StateDirectory,
  ending: Ended | null,
): Promise<readonly SnapshotChoice[]> => {
  const records = await listSnapshotRecords(state);
  if (records.length === 0) return [];
  const ended = (await listOperations(state)).flatMap(({ id, kind, outcome }) =>
    outcome === null || id === ending?.id ? [] : [{ id, kind, outcome }],
  );
  const backups = await listBackups(context.config.backup.directory);
  return snapshotsToRemove(records, ending === null ? ended : [...ended, ending], backups);
};

/** Removes what nobody needs any more. What goes wrong here is a warning: the next one tries again. */
export const sweepSnapshots = async (
  context: Context,
  { state, operation }: { readonly state: StateDirectory; readonly operation: Operation },
  outcome: Outcome,
): Promise<readonly SnapshotChoice[]> => {
  const removed: SnapshotChoice[] = [];
  try {
    for (const choice of await chooseSnapshots(context, state, { id: operation.id, kind: operation.kind, outcome })) {
      await discardSnapshot(context, operation, state, choice.record);
      removed.push(choice);
    }
  } catch (error) {
    context.progress.warn(
      `a snapshot of the database's volume could not be removed, the next prune tries again: ${messageOf(error)}`,
    );
  }
  return removed;
};
