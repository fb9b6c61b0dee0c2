import { join } from 'node:path';
import type { ImageInfo } from '../compose/engine.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release, ReleaseService } from '../operation/releases.ts';
import { makeDirectory, makeDurable } from '../system/durable-file.ts';
import type { Context } from './context.ts';

/** The file, under the state directory, of an image that no registry has. */
export const savedImage = (stateDirectory: string, imageId: string): string =>
  join(stateDirectory, 'images', `${imageId.replace('sha256:', '')}.tar`);

/** A tag of our own on every image of a release, so that pruning of untagged images does not take it. */
export const holdTag = (project: string, release: number, service: string): string =>
  `kaleem-deploy/${project}:release-${release}-${service}`;

/** How long a registry has to give an image its digest back; where it can't, our own tag does. */
const NAME_AGAIN_MS = 5_000;

/**
 * `docker system prune -a` takes all names but one of an image that is in use, its digest among them. A pull brings it back
 * without a layer, so that containers of the release are made again from the definition that they had. Resolves to
 * whether it was brought back.
 */
const nameAgain = async (
  { docker, log, signal }: Context,
  operation: Operation,
  { service, image, found }: { readonly service: string; readonly image: string; readonly found: ImageInfo },
): Promise<boolean> => {
  const [, digest] = image.split('@');
  if (digest === undefined || found.repoDigests.some((each) => each.endsWith(`@${digest}`))) return false;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(NAME_AGAIN_MS)]);
  const intent = { service, imageId: found.id, pinned: image };
  return operation
    .effect('image.recover', intent, () => docker.pull(image, { signal: limit }))
    .then(
      () => true,
      (error: unknown) => {
        log.debug(`${image} stays without its digest: ${messageOf(error)}`);
        return false;
      },
    );
};

/**
 * Makes sure that an undo will find the old release's images: each gets a tag of our own; one that no registry has is
 * saved to a file as well, for a tag does not stop `docker system prune -a`.
 */
export const holdOldImages = async (context: Context, operation: Operation, release: Release): Promise<void> => {
  const { docker, project, config } = context;
  /** Whether it can be pulled again, by digest. */
  const hold = async (service: string, { image, imageId }: ReleaseService): Promise<boolean> => {
    const found = await docker.image(imageId);
    if (found === null) {
      throw new DeployError(
        'image-not-held',
        `the image of ${service} that runs now (${imageId}) is gone from this host`,
        {
          hint: `pull or build it again: without it there is no way back to ${release.tag}`,
        },
      );
    }
    const held = holdTag(project.name, release.id, service);
    if (!found.repoTags.includes(held)) await docker.tag(imageId, held);
    const named = await nameAgain(context, operation, { service, image, found });
    return named || found.repoDigests.length > 0;
  };
  const services = Object.entries(release.services);
  const pullable = await Promise.all(services.map(([service, own]) => hold(service, own)));
  for (const [index, [service, { imageId }]] of services.entries()) {
    if (pullable[index] === true) continue;
    const path = savedImage(config.stateDirectory, imageId);
    await makeDirectory(join(config.stateDirectory, 'images'));
    await operation.effect('image.save', { service, imageId, path }, async () => {
      await docker.saveImage([imageId], path);
      await makeDurable(path);
    });
  }
};

/** Gets a release's images back that somebody pruned meanwhile, and their tags where those point elsewhere now. */
export const holdAgain = async (context: Context, operation: Operation, release: Release): Promise<void> => {
  for (const [service, { image, imageId }] of Object.entries(release.services)) {
    const found = await context.docker.image(imageId);
    if (found === null) {
      const { pinned } = release.images.find((each) => each.imageId === imageId) ?? { pinned: image };
      context.progress.note(`the image of ${service} was removed: getting ${pinned} again`);
      await operation.effect('image.recover', { service, imageId, pinned }, async () => {
        await context.docker
          .loadImage(savedImage(context.config.stateDirectory, imageId))
          .catch(() => context.docker.pull(pinned));
      });
    } else await nameAgain(context, operation, { service, image, found });
    if (isPinned(image) || (await context.docker.image(image))?.id === imageId) continue;
    await operation.effect('image.retag', { image, imageId }, () => context.docker.tag(imageId, image));
  }
};

const isPinned = (reference: string): boolean => reference.includes('@') || reference.startsWith('sha256:');

/**
 * Services whose pinned reference the engine no longer knows, though the image itself is here (its tag was moved and the
 * digest went with it): our own tag names it instead, and no registry is needed.
 */
export const heldReferences = async (context: Context, release: Release): Promise<Readonly<Record<string, string>>> => {
  const { docker, project } = context;
  const found: Record<string, string> = {};
  for (const [service, { image, imageId }] of Object.entries(release.services)) {
    if (!isPinned(image) || (await docker.image(image))?.id === imageId) continue;
    if ((await docker.image(imageId)) === null) continue;
    const held = holdTag(project.name, release.id, service);
    await docker.tag(imageId, held);
    found[service] = held;
  }
  return found;
};
