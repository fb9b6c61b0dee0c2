import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, servedVersion } from '../support/asking.ts';
import { inspect } from '../support/docker.ts';
import { expectEnvTag, expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

/** What a person would compare: everything that decides how a container runs. */
const definitionOf = async (stack: Stack, service: string) => {
  const found = await inspect((await stack.ids())[service] ?? '');
  const { Config, HostConfig, Mounts } = found;
  return {
    image: found.Image,
    env: [...Config.Env].sort(),
    ...{ name: found.Name, hostname: Config.Hostname === found.Id.slice(0, 12) ? null : Config.Hostname },
    shm: HostConfig.ShmSize,
    ulimits: HostConfig.Ulimits,
    ...{ cmd: Config.Cmd, entrypoint: Config.Entrypoint, healthcheck: Config.Healthcheck },
    stopTimeout: Config.StopTimeout,
    ...{ ports: HostConfig.PortBindings, restart: HostConfig.RestartPolicy },
    mounts: Mounts.map(({ Type, Source, Destination, RW }) => [Type, Source, Destination, RW].join(' ')).sort(),
  };
};

describe('a stack that was brought up by hand, its files edited since', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
    await stack.compose('up', '-d', '--wait', '--quiet-pull');
  });
  afterAll(() => stack?.cleanup());

  it('is brought back precisely as it ran when the new version is bad', async () => {
    const [api, nginx] = [await definitionOf(stack, 'api'), await definitionOf(stack, 'nginx')];
    const idsBefore = await stack.ids();
    const fingerprint = await stack.fingerprint();
    const edited = (await stack.read('compose.yml')).replace(/^( +)MONGODB_URI:/m, '$1EXTRA: "added $$$$by hand"\n$&');
    await stack.write('compose.yml', edited);
    await stack.setVariable('KALEEM_API_IMAGE', (await imageOf(stack)).replace('v0.0.1', 'v0.0.3'));
    const envBefore = await stack.read('.env');

    const outcome = await stack.runBriefly('v0.0.3');
    expectExit(outcome, 20);
    await expectServes(stack, 'v0.0.1');
    expect(await definitionOf(stack, 'api')).toEqual(api);
    expect(await definitionOf(stack, 'nginx')).toEqual(nginx);
    expect(await stack.read('.env')).toBe(envBefore);
    expect(await stack.fingerprint()).toEqual(fingerprint);
    const { mongo, redis } = await stack.ids();
    expect({ mongo, redis }).toEqual({ mongo: idsBefore.mongo, redis: idsBefore.redis });
  });

  it('takes a good version, with the edit, and leaves what did not change alone', async () => {
    const idsBefore = await stack.ids();
    expectExit(await stack.run('v0.0.2'), 0);
    await expectServes(stack, 'v0.0.2');
    await expectEnvTag(stack, 'v0.0.2');
    expect((await definitionOf(stack, 'api')).env).toContain('EXTRA=added $by hand');
    const { mongo, redis } = await stack.ids();
    expect({ mongo, redis }).toEqual({ mongo: idsBefore.mongo, redis: idsBefore.redis });
  });

  it('puts an edited mounted file back with the old version, and keeps the edit', async () => {
    const before = await stack.read('nginx/nginx.conf');
    const edited = before.replace('location = /nginx-health', 'location = /edited { return 418; }\n    $&');
    await stack.write('nginx/nginx.conf', edited);
    const outcome = await stack.run('v0.0.4-exit');
    expectExit(outcome, 20);
    await expectServes(stack, 'v0.0.2');
    expect(await stack.read('nginx/nginx.conf')).toBe(before);
    expect((await ask(stack.httpPort, '/edited'))?.status).not.toBe(418);
    const kept = /what was there is kept as (\S+)/.exec(outcome.stderr)?.[1] ?? 'nowhere';
    expect(await readFile(kept, 'utf8')).toBe(edited);
  });

  it('brings an edited mounted file live with a good version', async () => {
    const before = await stack.read('nginx/nginx.conf');
    await stack.write(
      'nginx/nginx.conf',
      before.replace('location = /nginx-health', 'location = /edited { return 418; }\n    $&'),
    );
    expectExit(await stack.run('v0.0.5'), 0);
    await expectServes(stack, 'v0.0.5');
    expect((await ask(stack.httpPort, '/edited'))?.status).toBe(418);
  });

  it('is left as it is by `docker compose up -d` after a deploy', async () => {
    const ids = await stack.ids();
    await stack.compose('up', '-d', '--wait');
    const after = await stack.ids();
    expect({ mongo: after.mongo, redis: after.redis }).toEqual({ mongo: ids.mongo, redis: ids.redis });
    expect(await servedVersion(stack.httpPort)).toBe('v0.0.5');
  });

  it('refuses to work on it from another folder', async () => {
    const other = await makeStack({ project: stack.project });
    try {
      const ids = await stack.ids();
      const outcome = await other.run('v0.0.2');
      expectExit(outcome, 10);
      expect(outcome.stderr).toContain(stack.directory);
      expect(await stack.ids()).toEqual(ids);
      await expect(other.read('.kaleem')).rejects.toThrow(/ENOENT/);
    } finally {
      await other.discard();
    }
  });

  it('refuses a database in another volume than the last time', async () => {
    const compose = await stack.read('compose.yml');
    await stack.write('compose.yml', compose.replaceAll('mongo-data', 'mongo-other'));
    await stack.compose('up', '-d', '--wait', 'mongo');
    const outcome = await stack.run('v0.0.2');
    expectExit(outcome, 12);
    expect(outcome.stderr).toContain('not the database of the last deploy');
  });
});

const imageOf = async (stack: Stack): Promise<string> =>
  /^KALEEM_API_IMAGE=(.*)$/m.exec(await stack.read('.env'))?.[1] ?? '';
