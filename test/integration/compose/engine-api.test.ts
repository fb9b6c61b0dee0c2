import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDocker } from '../../../src/compose/docker.ts';
import { withEngineApi } from '../../../src/compose/engine-api.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';

const project = `kaleem-reads-${randomBytes(4).toString('hex')}`;
const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const byCommand = openDocker({ commands: systemCommands, environment, clock: systemClock });
const byEngine = withEngineApi(byCommand, { commands: systemCommands, environment });
const names = [`${project}-running`, `${project}-created`];

const run = (args: readonly string[]) => systemCommands.run(['docker', ...args], { timeoutMs: 60_000 });

beforeAll(async () => {
  const options = ['--label', `com.docker.compose.project=${project}`, '--publish', '127.0.0.1::6379'];
  await run(['run', '--detach', '--name', names[0] ?? '', ...options, 'redis:7']);
  await run(['create', '--name', names[1] ?? '', ...options, '--restart', 'on-failure:3', 'redis:7']);
});
afterAll(async () => {
  await run(['rm', '--force', '--volumes', '--', ...names]);
});

test('the engine says of itself what the docker command says', async () => {
  expect(await byEngine.info()).toEqual(await byCommand.info());
});

test('the engine says of containers what the docker command says', async () => {
  for (const all of [true, false]) {
    const found = await byEngine.containers(project, { all });
    expect(found).toHaveLength(all ? 2 : 1);
    expect(found).toEqual(await byCommand.containers(project, { all }));
  }
  const ids = (await byEngine.containers(project, { all: true })).map(({ id }) => id);
  const known = await byEngine.inspect([...ids, 'f'.repeat(64)]);
  expect(known.map((each) => (each as { Id: string }).Id)).toEqual(ids);
});

test('the engine says of images what the docker command says', async () => {
  const image = await byEngine.image('redis:7');
  expect(image).toEqual(await byCommand.image('redis:7'));
  expect(await byEngine.image(image?.id ?? '')).toEqual(image);
  expect(await byEngine.image('redis:no-such-tag')).toBeNull();
});
