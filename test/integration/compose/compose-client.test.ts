import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pinImages } from '../../../src/compose/render.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { createRealProject, IMAGE, type RealProject, run, SLEEP } from './real-project.ts';

let project: RealProject;
let image: string;
beforeAll(async () => {
  project = await createRealProject({});
  image = `${project.name}-image`;
  await run(['docker', 'tag', IMAGE, `${image}:1`]);
  await project.write({
    '.env': 'MODE=one\n',
    'compose.yml': `
services:
  api:
    image: ${image}:1
    ${SLEEP}
    restart: unless-stopped
    environment: {MODE: "\${MODE}", PATTERN: "^a$$"}
    secrets: [token]
    depends_on: {db: {condition: service_healthy}}
  db:
    image: ${image}:1
    ${SLEEP}
    healthcheck: {test: [CMD, "true"], interval: 500ms}
secrets:
  token: {environment: API_TOKEN}
`,
  });
  const env = { API_TOKEN: 't0ken' };
  await run(['docker', 'compose', 'up', '--detach'], { cwd: project.directory, env });
});
afterAll(async () => {
  await project?.remove();
  await run(['docker', 'image', 'rm', '--force', `${image}:1`, `${image}:2`]).catch(() => {});
});

const client = async () => {
  const { openComposeClient } = await import('../../../src/compose/compose-client.ts');
  return openComposeClient(await project.open({ API_TOKEN: 't0ken' }), {
    commands: systemCommands,
    docker: project.docker,
  });
};
const read = async (service: string, ...argv: string[]) => {
  const { id } = await project.container(service);
  return (await project.docker.exec(id, argv, { timeoutMs: 10_000 })).stdout.trim();
};

describe('create', () => {
  test('makes a new container and starts nothing; then the restart policy can be taken off before it starts', async () => {
    const [oldApi, oldDb] = [await project.container('api'), await project.container('db')];
    await project.docker.stop([oldApi.id, oldDb.id], 1_000);
    const file = await project.store(await project.render({ MODE: 'two' }));
    const compose = await client();
    await compose.create(file, ['api'], { recreate: 'changed' });
    const created = await project.container('api');
    expect(created).toMatchObject({ state: 'created', restartPolicy: 'unless-stopped' });
    expect(created.id).not.toBe(oldApi.id);
    expect(await project.container('db')).toMatchObject({ id: oldDb.id, state: 'exited' });

    await project.docker.setRestartPolicy([created.id], 'no');
    await compose.up(file, ['api'], { recreate: 'never' });
    const started = await project.container('api');
    expect(started).toMatchObject({
      id: created.id,
      state: 'running',
      restartPolicy: 'no',
      configHash: created.configHash,
    });
    // `depends_on` says healthy, and db does not run: the order is the caller's.
    expect(await project.container('db')).toMatchObject({ id: oldDb.id, state: 'exited' });
    expect(await read('api', 'sh', '-c', 'echo $MODE $PATTERN; cat /run/secrets/token')).toBe('two ^a$\nt0ken');
    await compose.up(file, ['db'], { recreate: 'never' });
  });

  test('keeps anonymous volumes', async () => {
    await read('api', 'sh', '-c', 'echo kept > /data/file');
    const before = await project.container('api');
    const compose = await client();
    await compose.up(await project.store(await project.render({ MODE: 'three' })), ['api'], { recreate: 'changed' });
    const after = await project.container('api');
    expect(after.id).not.toBe(before.id);
    expect(after.mounts.find(({ destination }) => destination === '/data')?.name).toBe(
      before.mounts.find(({ destination }) => destination === '/data')?.name,
    );
    expect(await read('api', 'cat', '/data/file')).toBe('kept');
  });

  test('leaves a service alone whose tag moved, unless it is named, and does not follow a dependency whose tag moved', async () => {
    const directory = `${project.directory}/moved`;
    await project.write({ 'moved/Dockerfile': `FROM ${IMAGE}\nLABEL moved=${project.name}\n` });
    const [api, db] = [await project.container('api'), await project.container('db')];
    await run(['docker', 'build', '--quiet', '--tag', `${image}:1`, directory]);
    try {
      const file = await project.store(await project.render({ MODE: 'three' }));
      const compose = await client();
      await compose.up(file, ['api', 'db'], { recreate: 'never' });
      expect((await project.container('api')).id).toBe(api.id);
      await compose.up(file, ['api'], { recreate: 'changed' });
      expect((await project.container('api')).id).not.toBe(api.id);
      expect((await project.container('db')).id).toBe(db.id);
      // Made without following dependencies, which may be another hash; it still is the same definition.
      const again = await project.container('api');
      await compose.up(file, ['api'], { recreate: 'changed' });
      expect((await project.container('api')).id).toBe(again.id);
    } finally {
      await run(['docker', 'tag', IMAGE, `${image}:1`]);
    }
  });

  test('makes what is missing in every mode', async () => {
    const file = await project.store(await project.render());
    await project.docker.remove([(await project.container('api')).id]);
    await (await client()).create(file, ['api'], { recreate: 'never' });
    expect(await project.container('api')).toMatchObject({ state: 'created' });
    await (await client()).up(file, ['api'], { recreate: 'never' });
  });

  test('says what it could not do, with the reason', async () => {
    const rendered = await project.render();
    const absent = await pinImages(await project.open(), { commands: systemCommands }, rendered, {
      api: `${image}:absent`,
    });
    await expect(
      (await client()).create(await project.store(absent), ['api'], { recreate: 'always' }),
    ).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`can't create api: .*${image}:absent`)),
    });
    expect((await project.container('api')).state).toBe('running');
  });
});

test('an image pinned by tag and digest runs without being pulled again', async () => {
  const { repoDigests } = (await project.docker.image(IMAGE)) ?? { repoDigests: [] };
  const digest = repoDigests.find((each) => each.startsWith('redis@'))?.split('@')[1];
  const pin = `${IMAGE}@${digest}`;
  await project.docker.pull(pin);
  const pinned = await pinImages(await project.open(), { commands: systemCommands }, await project.render(), {
    api: pin,
  });
  const file = await project.store(pinned);
  const compose = await client();
  await compose.up(file, ['api'], { recreate: 'changed' });
  const api = await project.container('api');
  expect(api).toMatchObject({ image: pin, state: 'running', imageId: (await project.docker.image(pin))?.id });
  await compose.up(file, ['api'], { recreate: 'changed' });
  expect((await project.container('api')).id).toBe(api.id);
});

describe('a one-off container', () => {
  test('runs the command on the service, with values that show in no argv, and is gone afterwards', async () => {
    const lines: string[] = [];
    const file = await project.store(await project.render());
    const result = await (await client()).runOneOff(
      file,
      'api',
      ['sh', '-c', 'echo "$SECRET $MODE $1 $(cat /run/secrets/token)"; cat; exit 7', '--', '-x y'],
      {
        operation: '000001-ab12',
        timeoutMs: 60_000,
        environment: { SECRET: 's3 cret' },
        onLine: (line) => lines.push(line),
      },
    );
    expect(result.exitCode).toBe(7);
    expect(lines).toContain('s3 cret one -x y t0ken');
    expect((await project.containers()).filter(({ oneOff }) => oneOff)).toEqual([]);
  });

  test.each(['abort', 'timeout'])('is found by its operation while it runs, and gone after an %s', async (how) => {
    const file = await project.store(await project.render());
    const controller = new AbortController();
    const running = (await client()).runOneOff(file, 'api', ['sleep', '300'], {
      operation: `000002-${how}`,
      timeoutMs: how === 'timeout' ? 15_000 : 90_000,
      signal: controller.signal,
    });
    const outcome = running.then(
      ({ timedOut }) => (timedOut ? 'timed out' : 'ended'),
      (error: Error) => error.message,
    );
    await expect
      .poll(async () => (await project.containers()).find(({ oneOff }) => oneOff), {
        timeout: how === 'timeout' ? 14_000 : 60_000,
      })
      .toMatchObject({ state: 'running', service: 'api', labels: { 'kaleem-deploy.operation': `000002-${how}` } });
    if (how === 'abort') controller.abort(new Error('stopped by hand'));
    expect(await outcome).toBe(how === 'abort' ? 'stopped by hand' : 'timed out');
    expect((await project.containers()).filter(({ oneOff }) => oneOff)).toEqual([]);
    expect((await project.container('db')).state).toBe('running');
  });
});

test('down takes containers and networks away and leaves volumes', async () => {
  await project.write({
    'compose.yml': `services:\n  keep:\n    image: ${IMAGE}\n    ${SLEEP}\n    volumes: ["kept:/v"]\nvolumes: {kept: {}}\n`,
  });
  const file = await project.store(await project.render());
  const compose = await client();
  await compose.up(file, ['keep'], { recreate: 'changed' });
  await compose.down(file);
  expect((await project.containers()).filter(({ service }) => service === 'keep')).toEqual([]);
  expect(await run(['docker', 'volume', 'ls', '--quiet', '--filter', `name=${project.name}_kept`])).toBe(
    `${project.name}_kept`,
  );
});
