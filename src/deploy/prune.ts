import { rm } from 'node:fs/promises';
import { type BackupEntry, listBackups, removeBackup } from '../backup/catalogue.ts';
import { type Candidate, chooseForPrune, type PruneChoice } from '../backup/retention.ts';
import type { KeepPolicy } from '../config/config.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release, ReleaseStore } from '../operation/releases.ts';
import { around } from '../system/failpoints/around.ts';
import { isAside } from './back-up.ts';
import type { Context } from './context.ts';
import { savedImage } from './hold.ts';
import { inOperation, type Session } from './operate.ts';
import type { PruneResult, Removed } from './results.ts';

/**
 * Releases beyond those that are kept for a rollback. The live one stays, and the newest good ones; as many bad ones, since
 * whoever went back from one may find that it was not to blame. Pure.
 */
export const releasesToRemove = (all: readonly Release[], keep: number): readonly Release[] => {
  const earlier = all.filter((release) => release.status !== 'live');
  const newest = (status: Release['status']) => earlier.filter((release) => release.status === status).slice(0, keep);
  const kept = [...newest('good'), ...newest('bad')];
  return earlier.filter((release) => !kept.includes(release));
};

const kindOf = (manifest: BackupEntry['manifest']): Candidate['kind'] => {
  if (manifest?.partial !== undefined) return 'partial';
  return isAside(manifest?.release ?? '') ? 'aside' : 'whole';
};

/** Which backups the retention keeps, beside those that a kept release goes back to with its database. Pure. */
export const backupsToRemove = (
  entries: readonly BackupEntry[],
  policy: KeepPolicy,
  kept: readonly Release[],
): PruneChoice => {
  const needed = new Set(kept.flatMap((release) => (release.backup === null ? [] : [release.backup])));
  const candidates = entries.map(({ id, manifest, problem, marks }) => ({
    ...{ id, problem, createdAt: manifest?.createdAt ?? null },
    ...{ kind: kindOf(manifest), verified: marks.verified?.problem === null },
    pinned: marks.pinned?.reason ?? null,
  }));
  return chooseForPrune(candidates, { policy, needed });
};

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
  const { remove } = backupsToRemove(entries, keep, kept);
  const removed: Removed[] = [];
  for (const { id, reason } of remove) {
    const entry = entries.find((each) => each.id === id);
    if (entry === undefined) continue;
    await operation.effect('backup.remove', { id }, () => removeBackup(entry));
    removed.push({ name: id, bytes: entry.manifest?.bytes ?? null, reason });
  }
  return removed;
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
  return { operation: operation.id, releases: removed, images, backups, freedBytes };
};

export const prune = (session: Session, what: 'all' | 'backups'): Promise<PruneResult> =>
  inOperation(
    session,
    { kind: 'prune', subject: what },
    {
      prepare: async () => null,
      run: async (context, { operation, releases }) => {
        if (what === 'all') return pruneAll(context, operation, releases);
        const backups = await pruneBackups(context, operation, await releases.list());
        const freedBytes = backups.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
        return { operation: operation.id, releases: [], images: [], backups, freedBytes };
      },
    },
  );
