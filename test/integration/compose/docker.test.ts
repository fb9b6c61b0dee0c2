import { rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reach } from '../../../src/compose/address.ts';
import { openDocker } from '../../../src/compose/docker.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { createRealProject, IMAGE, type RealProject, run, SLEEP, shellEnvironment } from './real-project.ts';

let project: RealProject;
beforeAll(async () => {
  project = await createRealProject({
    'compose.yml': `
services:
  redis:
    image: ${IMAGE}
    ports: ["127.0.0.1::6379"]
    networks: {default: {}, back: {aliases: [cache]}}
    restart: on-failure:3
    stop_grace_period: 1s
  idle:
    image: ${IMAGE}
    ${SLEEP}
    deploy: {replicas: 2}
  talker:
    image: ${IMAGE}
    ${SLEEP}
networks: {back: {}}
`,
  });
  await project.byHand('up', '--detach');
});
afterAll(() => project?.remove());

const GONE = 'f'.repeat(64);
const state = async (service: string) => (await project.containers()).filter((each) => each.service === service);

test('the engine says who it is', async () => {
  const info = await project.docker.info();
  expect(info).toMatchObject({
    local: true,
    host: '127.0.0.1',
    architecture: expect.stringMatching(/^linux\/(amd64|arm64)$/),
  });
  expect(info.id).not.toBe('');
  expect(await run(['docker', 'info', '--format', '{{.DockerRootDir}}'])).toBe(info.rootDirectory);
});

test('containers are listed with all that is known of them, stopped ones when asked for', async () => {
  const [redis] = await state('redis');
  expect(redis).toMatchObject({
    ...{
      name: `${project.name}-redis-1`,
      state: 'running',
      restartPolicy: 'on-failure:3',
      image: IMAGE,
      oneOff: false,
    },
    workingDirectory: project.directory,
    configFiles: [join(project.directory, 'compose.yml')],
    ports: [{ hostIp: '127.0.0.1', target: 6379, protocol: 'tcp' }],
    mounts: [{ type: 'volume', destination: '/data' }],
  });
  expect(redis?.networks.map(({ name, driver }) => [name, driver]).sort()).toEqual([
    [`${project.name}_back`, 'bridge'],
    [`${project.name}_default`, 'bridge'],
  ]);
  expect((await state('idle')).map(({ number }) => number)).toEqual([1, 2]);
  expect(await project.docker.containers('no-such-project', { all: true })).toEqual([]);
});

test('a service is reached by its name, an alias, and a published port, all at the container', async () => {
  const containers = await project.containers();
  const info = await project.docker.info();
  const published = containers.find(({ service }) => service === 'redis')?.ports[0]?.published ?? 0;
  for (const target of [
    { host: 'redis', port: 6379 },
    { host: 'cache', port: 6379 },
    { host: 'localhost', port: published },
  ]) {
    const reached = reach(target, containers, info);
    expect(reached).toMatchObject({ via: 'container-address', service: 'redis', port: 6379 });
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: reached.host, port: reached.port, timeout: 5_000 });
      socket.on('connect', () => socket.end(resolve)).on('error', reject);
    });
  }
});

test('stop, start, kill, restart policy and removal do what they say, and do not mind what is gone', async () => {
  const { docker } = project;
  const ids = (await state('idle')).map(({ id }) => id);
  const [first = ''] = ids;
  await docker.setRestartPolicy([...ids, GONE], 'no');
  expect((await state('idle')).map(({ restartPolicy }) => restartPolicy)).toEqual(['no', 'no']);
  await docker.stop([...ids, GONE], 1_000);
  expect((await state('idle')).map((each) => each.state)).toEqual(['exited', 'exited']);
  expect((await docker.containers(project.name)).map(({ service }) => service)).toEqual(['redis', 'talker']);
  await docker.start(ids);
  expect((await state('idle')).map((each) => each.state)).toEqual(['running', 'running']);
  await docker.kill(ids);
  await docker.kill([...ids, GONE]);
  expect((await state('idle')).map(({ exitCode }) => exitCode)).toEqual([137, 137]);
  await docker.remove([first]);
  await docker.remove([first, GONE]);
  expect(await state('idle')).toHaveLength(1);
  expect(await docker.inspect([first])).toEqual([]);
  await expect(docker.start([first])).rejects.toThrow(/can't start .*No such container/);
});

test('a network is left and joined again, with the same name and address', async () => {
  const { docker } = project;
  const [redis] = await state('redis');
  const back = redis?.networks.find(({ name }) => name.endsWith('_back'));
  if (redis === undefined || back === undefined) throw new Error('not on the network');
  expect((await docker.containersOnNetwork(back.id)).map(({ name, project: of }) => [name, of])).toEqual([
    [redis.name, project.name],
  ]);
  await docker.disconnect(back.id, redis.id);
  await docker.disconnect(back.id, redis.id);
  expect(await docker.containersOnNetwork(back.id)).toEqual([]);
  await docker.connect(back.id, redis.id, { aliases: ['cache', 'redis'] });
  await docker.connect(back.id, redis.id, { aliases: ['cache'] });
  const again = (await state('redis'))[0]?.networks.find(({ name }) => name.endsWith('_back'));
  expect(again).toMatchObject({ id: back.id, ipv4: back.ipv4, aliases: expect.arrayContaining(['cache', 'redis']) });
});

test('commands run in a container with values that are in no argv, and both streams of its logs are in order', async () => {
  const { docker } = project;
  const [talker] = await state('talker');
  const id = talker?.id ?? '';
  const result = await docker.exec(id, ['sh', '-c', 'echo $SECRET; exit 3'], {
    timeoutMs: 10_000,
    environment: { SECRET: 'a b' },
  });
  expect(result).toMatchObject({ exitCode: 3, stdout: 'a b\n' });
  const script =
    'for i in 1 2 3; do echo out$i > /proc/1/fd/1; sleep 0.05; echo err$i > /proc/1/fd/2; sleep 0.05; done';
  await docker.exec(id, ['sh', '-c', script], { timeoutMs: 10_000 });
  await expect.poll(() => docker.logs(id, 4)).toEqual(['out2', 'err2', 'out3', 'err3']);
  const lines: string[] = [];
  await docker.streamLogs(id, { follow: false, lines: null, onLine: (line) => lines.push(line) });
  expect(lines).toEqual(expect.arrayContaining(['out1', 'err3']));
});

describe('images', () => {
  test('are found by tag, id and digest, or not', async () => {
    const image = await project.docker.image(IMAGE);
    expect(image?.id).toMatch(/^sha256:/);
    expect(await project.docker.image(image?.id ?? '')).toEqual(image);
    expect(image?.architecture).toMatch(/^linux\//);
    expect(await project.docker.image('no-such-image:at-all')).toBeNull();
    expect(await project.docker.image(`redis@sha256:${'0'.repeat(64)}`)).toBeNull();
  });

  test('get a second tag, are saved and loaded by it, and keep their others when it goes', async () => {
    const { docker } = project;
    const tag = `${project.name}-held:1`;
    const path = join(tmpdir(), `${project.name}.tar`);
    try {
      const { id } = (await docker.image(IMAGE)) ?? { id: '' };
      await docker.tag(id, tag);
      await docker.saveImage([tag], path);
      expect((await stat(path)).size).toBeGreaterThan(1_000_000);
      await docker.untag(tag);
      await docker.untag(tag);
      expect(await docker.image(tag)).toBeNull();
      await docker.loadImage(path);
      expect((await docker.image(tag))?.id).toBe(id);
      expect((await docker.image(IMAGE))?.id).toBe(id);
    } finally {
      await docker.untag(tag);
      await rm(path, { force: true });
    }
  });
});

test('an engine that is not there is said to be', async () => {
  const environment = { ...shellEnvironment(), DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const docker = openDocker({ commands: systemCommands, environment, clock: systemClock });
  await expect(docker.containers('x')).rejects.toMatchObject({ code: 'docker-unreachable' });
  await expect(docker.info()).rejects.toMatchObject({ code: 'docker-unreachable' });
  await expect(docker.pull(IMAGE)).rejects.toMatchObject({ code: 'docker-unreachable' });
});
