import { findBackup } from '../backup/catalogue.ts';
import type { Manifest } from '../backup/manifest.ts';
import { choose } from '../backup/namespace-filter.ts';
import { restoreNeedsBytes, verifyBackup } from '../backup/verify.ts';
import { pinImages } from '../compose/render.ts';
import { DeployError } from '../errors.ts';
import type { Release, ReleaseStore } from '../operation/releases.ts';
import { checkedIdentityFiles, identityFiles } from './backup-keys.ts';
import type { Context } from './context.ts';
import { noDatabase } from './database.ts';
import { heldReferences } from './hold.ts';
import { type OldGood, renderRelease } from './old-good.ts';
import { comparePlan, type DeployPlan, type Destination, type PlannedRestore } from './plan.ts';
import type { RestoreRequest, RollbackRequest } from './requests.ts';

const tagsOf = (release: Release): string => release.images.map((image) => image.pinned).join(' ');

/** The release that `rollback` means: of the given tag, or the last good one that is not what runs now. Pure. */
export const chooseRelease = (all: readonly Release[], live: Release | null, tag: string | null): Release => {
  const kept = all.filter((release) => release.id !== live?.id);
  const found =
    tag === null
      ? kept.find((release) => release.status === 'good' && (live === null || tagsOf(release) !== tagsOf(live)))
      : kept.find((release) => release.tag === tag);
  if (found !== undefined) return found;
  const tags = [...new Set(kept.map((release) => release.tag))].join(', ') || 'none';
  throw new DeployError(
    'release-not-found',
    tag === null ? 'there is no earlier good release to go back to' : `no release ${tag} is kept`,
    { hint: `releases that are kept: ${tags}; any other tag can be deployed: kaleem-deploy TAG` },
  );
};

/** The backup that a release's data is in, verified before anything is touched. */
const releaseBackup = async (context: Context, release: Release): Promise<PlannedRestore> => {
  if (release.backup === null) {
    throw new DeployError(
      'not-found',
      `release ${release.tag} has no backup of its data: none was taken when it was replaced`,
      {
        hint: 'see `kaleem-deploy backup list`, or roll back without --with-database',
      },
    );
  }
  const { path, id } = await findBackup(context.config.backup.directory, release.backup);
  const keys = { identityFiles: identityFiles(context.config) };
  const manifest = await verifyBackup(path, { signal: context.signal, ...keys });
  return {
    ...{ name: id, path, ...keys, needsBytes: restoreNeedsBytes(manifest) },
    ...{ extra: 'drop', force: false, filter: null, partial: false },
  };
};

/** A kept release as a destination: its own rendered compose file, images by the digests it had. */
const toDestination = async (context: Context, releases: ReleaseStore, release: Release): Promise<Destination> => {
  const snapshot = await releases.snapshot(release.id);
  const held = await heldReferences(context, release);
  const asStored = await renderRelease(context, release, snapshot.compose);
  const rendered = await pinImages(context.project, context, asStored, held);
  const usersOf = (imageId: string) =>
    Object.keys(release.services).filter((name) => release.services[name]?.imageId === imageId);
  return {
    tag: release.tag,
    images: release.images.map(({ variable, reference, tag, digest, pinned, imageId }) => {
      const services = usersOf(imageId);
      return {
        ...{ variable, reference, tag, digest, platforms: [], services },
        pinned: held[services[0] ?? ''] ?? pinned,
      };
    }),
    ...{ keepsRelease: false, abandonsLive: true },
    ...{ rendered, pinned: rendered, snapshot, restore: null, upgrade: [], restartAll: false, warnings: [] },
  };
};

export const planRollback = async (
  context: Context,
  releases: ReleaseStore | null,
  request: RollbackRequest,
  old: OldGood | null,
): Promise<DeployPlan> => {
  const release = chooseRelease((await releases?.list()) ?? [], old?.release ?? null, request.tag);
  if (releases === null) throw new DeployError('bug', 'a release was chosen from no records');
  const to = await toDestination(context, releases, release);
  const restore = request.withDatabase ? await releaseBackup(context, release) : null;
  return comparePlan(context, old, { ...to, restore });
};

/** What is restored, read from end to end. */
export interface RestoreSource extends Pick<PlannedRestore, 'name' | 'path' | 'identityFiles'> {
  readonly manifest: Pick<Manifest, 'namespaces' | 'dataBytes' | 'partial'>;
}

/** A backup of this host. */
const verifiedHere = async (
  { config, signal }: Context,
  { backup, identity }: RestoreRequest,
): Promise<RestoreSource> => {
  const { path, id } = await findBackup(config.backup.directory, backup);
  const keys = { identityFiles: await checkedIdentityFiles(config, identity) };
  return { name: id, path, ...keys, manifest: await verifyBackup(path, { signal, ...keys }) };
};

/** A restore keeps the release: what runs now, with other data. */
export const planRestore = async (
  context: Context,
  request: RestoreRequest,
  old: OldGood | null,
  find: (context: Context, request: RestoreRequest) => Promise<RestoreSource> = verifiedHere,
): Promise<DeployPlan> => {
  if (context.config.database === null) throw noDatabase(' to restore');
  if (old === null) {
    throw new DeployError('release-not-found', 'nothing runs here yet to restore into', {
      hint: 'deploy first: kaleem-deploy TAG; then restore',
    });
  }
  const { release, rendered } = old;
  const found = await find(context, request);
  choose(request.filter, found.manifest.namespaces, `backup ${found.name}`);
  const restore: PlannedRestore = {
    ...{ name: found.name, path: found.path, identityFiles: found.identityFiles },
    needsBytes: restoreNeedsBytes(found.manifest),
    extra: request.dropExtra ? 'drop' : 'keep',
    force: request.force,
    filter: request.filter,
    partial: found.manifest.partial !== undefined,
  };
  const images = release.images.map((image) => ({
    ...{ ...image, platforms: [] },
    services: Object.keys(release.services).filter((name) => release.services[name]?.imageId === image.imageId),
  }));
  return comparePlan(context, old, {
    ...{ tag: release.tag, images, rendered, pinned: rendered, restore },
    ...{ keepsRelease: true, abandonsLive: false },
    ...{ snapshot: null, upgrade: [], restartAll: false, warnings: [] },
  });
};
