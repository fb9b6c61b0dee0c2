import { readFile } from 'node:fs/promises';
import { setVariables } from '../config/env-file.ts';
import { currentUser } from '../operation/operations.ts';
import type { Release, ReleaseService } from '../operation/releases.ts';
import { replaceFile } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { holdTag } from './hold.ts';
import type { DeployPlan } from './plan.ts';
import { NOTE, type Run } from './run.ts';
import { takeSnapshot } from './snapshot.ts';
import { projectContainers } from './writers.ts';

const holdImages = async (run: Run, release: number): Promise<Readonly<Record<string, ReleaseService>>> => {
  const { context } = run;
  const containers = await projectContainers(context);
  const entries = await Promise.all(
    containers.map(async ({ service, image, imageId }) => {
      const heldAs = holdTag(context.project.name, release, service);
      await context.docker.tag(imageId, heldAs);
      return [service, { image, imageId, heldAs }] as const;
    }),
  );
  return Object.fromEntries(entries);
};

const toRelease = async (run: Run, id: number): Promise<Release> => {
  const { context, plan, operation } = run;
  const services = await holdImages(run, id);
  return {
    ...{ id, tag: plan.tag, origin: 'deployed', services, backup: null, status: 'good', operation: operation.id },
    images: plan.images.map(({ variable, reference, tag, digest, pinned, services: [first = ''] }) => ({
      ...{ variable, reference, tag, digest, pinned },
      imageId: services[first]?.imageId ?? '',
    })),
    variables: plan.rendered.namedVariables.filter((name) => (context.config.environment[name] ?? '') !== ''),
    who: currentUser(),
    at: context.clock.now().toISOString(),
    downtimeMs: null,
    backupDurationMs: run.backup?.durationMs ?? null,
  };
};

/** The release's tags in `.env`, comments and all else kept, so that `docker compose up -d` by hand stays on it. */
export const writeTags = async (envFile: string, references: Readonly<Record<string, string>>): Promise<void> => {
  const text = await readFile(envFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const next = setVariables(text, references);
  if (next !== text) await replaceFile(envFile, next);
};

/** Deploying what is live already, from files that did not change, makes no new release. */
const isSame = ({ old, changed, tag }: DeployPlan): boolean =>
  old !== null && changed.size === 0 && old.release.tag === tag;

/** Id of the backup of the data as a release left it; none where that was secured by a snapshot of the volume. */
export const backupWhenLeft = (
  { backup, snapshot }: Pick<Run, 'backup' | 'snapshot'>,
  old: Pick<Release, 'backup'>,
): string | null => (snapshot !== null ? null : (backup?.id ?? old.backup));

/**
 * Makes the new release the live one: record, `.env`, and, last, the one file that says which is live. Until that file
 * is replaced the old release is live; from then on nothing is restored automatically, for writes will be accepted.
 */
export const commit = async (run: Run): Promise<void> => {
  await makeLive(run);
  await run.operation.note(NOTE.committed, {});
};

const makeLive = async (run: Run): Promise<void> => {
  const { context, plan, operation, releases } = run;
  const { envFile } = context.config.compose;
  if (plan.keepsRelease) return;
  const references = Object.fromEntries(plan.images.map(({ variable, reference }) => [variable, reference]));
  if (isSame(plan)) return around('commit.env', () => writeTags(envFile, references));
  const id = await releases.nextId();
  await context.progress.step('commit the release', () =>
    operation.effect('commit', { release: id, envFile, references }, async () => {
      const release = await toRelease(run, id);
      await releases.save(release, await takeSnapshot(context, plan.pinned));
      const old = plan.old?.release;
      if (old !== undefined && (run.backup !== null || run.snapshot !== null)) {
        await releases.update({ ...old, backup: backupWhenLeft(run, old) });
      }
      await around('commit.env', () => writeTags(envFile, references));
      await releases.setLive(id);
      run.release = { ...release, status: 'live' };
      if (old !== undefined && plan.abandonsLive) {
        await releases.update({ ...old, status: 'bad', backup: backupWhenLeft(run, old) });
      }
    }),
  );
};
