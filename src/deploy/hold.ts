import { join } from 'node:path';
import { DeployError } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import { makeDirectory } from '../system/durable-file.ts';
import type { Context } from './context.ts';

/** The file, under the state directory, of an image that no registry has. */
export const savedImage = (stateDirectory: string, imageId: string): string =>
  join(stateDirectory, 'images', `${imageId.replace('sha256:', '')}.tar`);

/** A tag of our own on every image of a release, so that pruning of untagged images does not take it. */
export const holdTag = (project: string, release: number, service: string): string =>
  `kaleem-deploy/${project}:release-${release}-${service}`;

/** The digest reference by which an image can be pulled again; null for one that no registry has. */
const pullable = async (context: Context, imageId: string): Promise<string | null> =>
  (await context.docker.image(imageId))?.repoDigests[0] ?? null;

/**
 * Makes sure that an undo will find the old release's images: each gets a tag of our own; one that no registry has is
 * saved to a file as well, for a tag does not stop `docker system prune -a`.
 */
export const holdOldImages = async (context: Context, operation: Operation, release: Release): Promise<void> => {
  for (const [service, { imageId }] of Object.entries(release.services)) {
    if ((await context.docker.image(imageId)) === null) {
      throw new DeployError(
        'image-not-held',
        `the image of ${service} that runs now (${imageId}) is gone from this host`,
        {
          hint: `pull or build it again: without it there is no way back to ${release.tag}`,
        },
      );
    }
    await context.docker.tag(imageId, holdTag(context.project.name, release.id, service));
    if ((await pullable(context, imageId)) !== null) continue;
    const path = savedImage(context.config.stateDirectory, imageId);
    await makeDirectory(join(context.config.stateDirectory, 'images'));
    await operation.effect('image.save', { service, imageId, path }, () => context.docker.saveImage([imageId], path));
  }
};

/** Gets a release's images back that somebody pruned meanwhile, and their tags where those point elsewhere now. */
export const holdAgain = async (context: Context, operation: Operation, release: Release): Promise<void> => {
  for (const [service, { image, imageId }] of Object.entries(release.services)) {
    if ((await context.docker.image(imageId)) === null) {
      const { pinned } = release.images.find((each) => each.imageId === imageId) ?? { pinned: image };
      context.progress.note(`the image of ${service} was removed: getting ${pinned} again`);
      await operation.effect('image.recover', { service, imageId, pinned }, async () => {
        await context.docker
          .loadImage(savedImage(context.config.stateDirectory, imageId))
          .catch(() => context.docker.pull(pinned));
      });
    }
    if (image.includes('@') || image.startsWith('sha256:')) continue;
    if ((await context.docker.image(image))?.id === imageId) continue;
    await operation.effect('image.retag', { image, imageId }, () => context.docker.tag(imageId, image));
  }
};
