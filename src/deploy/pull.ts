import { DeployError } from '../errors.ts';
import type { Run } from './run.ts';
import { ofServices, projectContainers } from './writers.ts';

/**
 * A pull can take long, and heals when the engine is restarted under it; then nobody knows any more that the database
 * runs, and without it there is no backup: refused while nothing has been touched.
 */
const requireDatabase = async ({ context, plan }: Run): Promise<void> => {
  const { database } = plan.roles;
  if (database === null || !plan.writersChange || plan.stopped.has(database)) return;
  const containers = ofServices(await projectContainers(context), [database]);
  if (containers.some(({ state }) => state === 'running')) return;
  throw new DeployError('database-unreachable', `${database} has stopped since the plan was made`, {
    hint: 'docker compose ps --all shows what else is down, docker compose start brings it up; then the same again',
  });
};

/** Gets every image that will be needed, in parallel, while the old release serves: release images by digest. */
export const pullImages = async (run: Run): Promise<void> => {
  if (await pullMissing(run)) await requireDatabase(run);
  for (const { pinned } of run.plan.images) {
    const image = await run.context.docker.image(pinned, { signal: run.context.signal });
    if (image !== null) run.imageIds.set(pinned, image.id);
  }
};

/** Whether anything was missing. */
const pullMissing = async (run: Run): Promise<boolean> => {
  const { context, plan, operation } = run;
  const { docker, progress, signal } = context;
  const release = new Set(plan.images.map((image) => image.pinned));
  const others = Object.values(plan.pinned.services)
    .filter((service) => plan.changed.has(service.name) && !service.build && !release.has(service.image))
    .map((service) => service.image);
  const wanted = [...release, ...new Set(others)];
  const present = await Promise.all(wanted.map(async (image) => (await docker.image(image, { signal })) !== null));
  const upgraded = new Set(plan.upgrade.map((name) => plan.pinned.services[name]?.image));
  const missing = wanted.filter((image, index) => present[index] === false || upgraded.has(image));
  if (missing.length === 0) return false;
  await progress.step(`pull ${missing.length === 1 ? '1 image' : `${missing.length} images`}`, async (step) => {
    await Promise.all(
      missing.map((image) =>
        operation.effect('image.pull', { image }, () =>
          docker.pull(image, { signal, onLine: (line) => step.detail(line) }),
        ),
      ),
    );
  });
  return true;
};
