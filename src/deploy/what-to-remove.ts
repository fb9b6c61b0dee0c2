import type { BackupEntry } from '../backup/catalogue.ts';
import { type Candidate, chooseForPrune, type PruneChoice } from '../backup/retention.ts';
import type { KeepPolicy } from '../config/config.ts';
import type { Release } from '../operation/releases.ts';
import { isAside } from './back-up.ts';

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

/** Each kind is counted apart, and only a whole one is relied on. */
export const kindOf = (manifest: BackupEntry['manifest']): Candidate['kind'] => {
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
