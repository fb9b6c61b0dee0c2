import { rm } from 'node:fs/promises';
import { listBackups, removeBackup } from '../backup/catalogue.ts';
import { pullFolder } from '../backup/copies/pull.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release, ReleaseStore } from '../operation/releases.ts';
import { removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import type { Context } from './context.ts';
import { savedImage } from './hold.ts';
import { inOperation, type Session } from './operate.ts';
import { removeChosen } from './remove-chosen.ts';
import type { PruneResult, Removed } from './results.ts';
import { snapshotName } from './volume/record.ts';
import { sweepSnapshots } from './volume/sweep.ts';
import { backupsToRemove, releasesToRemove } from './what-to-remove.ts';

const pruneReleases = async (context: Context, operation: Operation, releases: ReleaseStore) => {
  const all = await releases.list();
  const gone = releasesToRemove(all, context.config.keepReleases);
  const kept = all.filter((release) => !gone.includes(release));
  const needed = new Set(kept.flatMap((release) => Object.values(release.services).map((service) => service.imageId)));
  const removed: Removed[] = [];
  const images: Removed[] = [];
  for (const release of gone) {
    const reason = `more than ${context.config.keepReleases} newer releases are kept`;
    await operation.effect('release.remove', { release: release.id }, () => releases.remove(release.id));
    removed.push({ name: `${release.id} ${release.tag}`, bytes: null, reason });
    const held = Object.values(release.services);
    await Promise.all(held.map(({ heldAs }) => (heldAs === null ? undefined : context.docker.untag(heldAs))));
    for (const { imageId } of held.filter((service) => !needed.has(service.imageId))) {
      await around('image.remove-saved', () => rm(savedImage(context.config.stateDirectory, imageId), { force: true }));
    }
    for (const { pinned, reference, imageId } of release.images.filter((image) => !needed.has(image.imageId))) {
      const info = await context.docker.image(imageId);
      // A tag of ours that is left is another project's, or another destination's.
      if (info === null || info.repoTags.some((tag) => tag.startsWith('kaleem-deploy/'))) continue;
      await context.docker.untag(pinned);
      await context.docker.untag(reference);
      images.push({ name: reference, bytes: info.sizeBytes, reason: `only release ${release.tag} used it` });
    }
  }
  return { removed, images, kept };
};

const pruneBackups = async (
  context: Context,
  operation: Operation,
  kept: readonly Release[],
): Promise<readonly Removed[]> => {
  const { directory, keep } = context.config.backup;
  const entries = await listBackups(directory);
  // What a download left whose process died.
  await removeDurably(pullFolder(directory));
  return removeChosen(entries, backupsToRemove(entries, keep, kept), {
    where: '',
    remove: (entry) => operation.effect('backup.remove', { id: entry.id }, () => removeBackup(entry)),
  });
};

const pruneEveryPlace = async (
  context: Context,
  operation: Operation,
  kept: readonly Release[],
): Promise<readonly Removed[]> => {
  const { copies } = context.config.backup;
  if (copies.length === 0) return [];
  const [{ pruneCopies }, { atEachPlace }] = await Promise.all([import('./prune-copies.ts'), import('./places.ts')]);
  return (await atEachPlace(context, copies, (place) => pruneCopies(context, operation, place, kept))).flat();
};

/** Removes what neither a rollback nor the retention needs: releases, their images, backups. */
export const pruneAll = async (
  context: Context,
  operation: Operation,
  releases: ReleaseStore,
): Promise<PruneResult> => {
  const { removed, images, kept } = await pruneReleases(context, operation, releases);
  const backups = await pruneBackups(context, operation, kept);
  const freedBytes = [...images, ...backups].reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return { operation: operation.id, releases: removed, images, backups, snapshots: [], copies: [], freedBytes };
};

export const prune = (session: Session, what: 'all' | 'backups'): Promise<PruneResult> =>
  inOperation(
    session,
    { kind: 'prune', subject: what, job: what === 'all' ? 'prune' : null },
    {
      prepare: async () => null,
      run: async (context, { operation, releases, state }) => {
        if (what === 'all') {
          const pruned = await pruneAll(context, operation, releases);
          const swept = await sweepSnapshots(context, { operation, state }, 'succeeded');
          const snapshots = swept.map(({ record, reason }) => ({ name: snapshotName(record), bytes: null, reason }));
          return { ...pruned, snapshots };
        }
        const kept = await releases.list();
        const backups = await pruneBackups(context, operation, kept);
        const freedBytes = backups.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
        const copies = await pruneEveryPlace(context, operation, kept);
        return { operation: operation.id, releases: [], images: [], backups, snapshots: [], copies, freedBytes };
      },
    },
  );
