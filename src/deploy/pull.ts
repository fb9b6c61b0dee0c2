import type { Run } from './run.ts';

/** Gets every image that will be needed, in parallel, while the old release serves: release images by digest. */
export const pullImages = async (run: Run): Promise<void> => {
  await pullMissing(run);
  for (const { pinned } of run.plan.images) {
    const image = await run.context.docker.image(pinned, { signal: run.context.signal });
    if (image !== null) run.imageIds.set(pinned, image.id);
  }
};

const pullMissing = async (run: Run): Promise<void> => {
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
  if (missing.length === 0) return;
  await progress.step(`pull ${missing.length === 1 ? '1 image' : `${missing.length} images`}`, async (step) => {
    await Promise.all(
      missing.map((image) =>
        operation.effect('image.pull', { image }, () =>
          docker.pull(image, { signal, onLine: (line) => step.detail(line) }),
        ),
      ),
    );
  });
};
