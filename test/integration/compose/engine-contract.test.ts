import { describe } from 'vitest';
import type { Docker } from '../../../src/compose/engine.ts';
import { withEngineApi } from '../../../src/compose/engine-api.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { engineContract } from '../../contract/engine.ts';
import { createRealProject, run, SLEEP } from './real-project.ts';

const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };

describe.each([
  ['by the docker command', (docker: Docker) => docker],
  ['by the engine itself', (docker: Docker) => withEngineApi(docker, { commands: systemCommands, environment })],
])('%s', (how, via) =>
  engineContract(`Docker ${how}`, async () => {
    const project = await createRealProject({ 'compose.yml': 'services: {none: {image: none}}' });
    // Tags of our own: others on this machine use the same images.
    const images = [`${project.name}-image:one`, `${project.name}-image:two`] as const;
    await run(['docker', 'tag', 'redis:7', images[0]]);
    await run(['docker', 'tag', 'nginx:1.27', images[1]]);
    return {
      ...{ project: project.name, docker: via(project.docker), compose: await project.client(), images },
      free: `${project.name}-image:free`,
      async file(image, value) {
        const service = (restart: string) =>
          `image: ${image}\n    ${SLEEP}\n    entrypoint: []\n    environment: {VALUE: "${value}"}\n    restart: "${restart}"`;
        await project.write({
          'compose.yml': `services:\n  web:\n    ${service('always')}\n  work:\n    ${service('no')}\n`,
        });
        return project.store(await project.render());
      },
      async remove() {
        await project.remove();
        await run(['docker', 'image', 'rm', '--force', ...images]).catch(() => {});
      },
    };
  }),
);
