import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineContract } from '../../contract/engine.ts';
import { createFakeEngine } from '../../support/fake-engine.ts';

engineContract('the engine in memory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-engine-'));
  const project = 'shop';
  const { docker, compose, publish, hasPulled } = createFakeEngine({ project, directory });
  const images = ['registry.test/shop/api:v1', 'registry.test/shop/api:v2'] as const;
  for (const image of images) {
    publish(image);
    hasPulled(image);
  }
  let files = 0;
  return {
    ...{ project, docker, compose, images, free: 'registry.test/shop/free:v1' },
    async file(image, value) {
      files += 1;
      const path = join(directory, `${files}.json`);
      const service = { image, environment: { VALUE: value } };
      const services = { web: { ...service, restart: 'always' }, work: { ...service, restart: 'no' } };
      await writeFile(path, JSON.stringify({ name: project, services }));
      return path;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
});
