import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDocker } from '../../../src/compose/docker.ts';
import { openRegistry } from '../../../src/compose/registry.ts';
import { type Clock, systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { IMAGE, run, shellEnvironment } from './real-project.ts';

const registryOfTheTestBed = async (): Promise<string> => {
  const named = process.env.KALEEM_TEST_REGISTRY;
  if (named) return named;
  const text = await readFile('/var/lib/kaleem-test-bed/env', 'utf8');
  return text.match(/^KALEEM_TEST_REGISTRY=(.+)$/m)?.[1] ?? '127.0.0.1:5000';
};

const USER = { username: 'kaleem', password: 'pass:word' };
const repository = `kaleem-compose-test/${randomBytes(4).toString('hex')}`;

/** In front of the real registry: it asks who is there, and fails as often as it is told to. */
let proxy: Server;
let address: string;
let failing: readonly number[] = [];
let requests = 0;
let upstream: string;

const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
  const authorized =
    incoming.headers.authorization === `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`;
  if (!authorized) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
    return;
  }
  if (incoming.url !== '/v2/') {
    requests += 1;
    const [status, ...rest] = failing;
    if (status !== undefined) {
      failing = rest;
      if (status === 0) incoming.socket.destroy();
      else response.writeHead(status).end();
      return;
    }
  }
  const [host = '', port] = upstream.split(':');
  const { authorization: _, ...headers } = incoming.headers;
  const onward = request(
    { host, port, path: incoming.url, method: incoming.method, headers: { ...headers, host: upstream } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  incoming.pipe(onward);
};

beforeAll(async () => {
  upstream = await registryOfTheTestBed();
  proxy = createServer(handle);
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await run(['docker', 'tag', IMAGE, `${upstream}/${repository}:v1`]);
  await run(['docker', 'push', '--quiet', `${upstream}/${repository}:v1`]);
});
afterAll(async () => {
  const { digest } = await open().registry.resolve(`${upstream}/${repository}:v1`);
  await fetch(`http://${upstream}/v2/${repository}/manifests/${digest}`, { method: 'DELETE' });
  await run(['docker', 'image', 'rm', `${upstream}/${repository}:v1`]).catch(() => {});
  await run(['docker', 'image', 'rm', `${address}/${repository}:v1`]).catch(() => {});
  proxy.closeAllConnections();
  await new Promise((done) => proxy.close(done));
});

const open = (password?: string, clock: Clock = systemClock) => {
  const registries = password === undefined ? [] : [{ server: address, username: USER.username, password }];
  const environment = shellEnvironment();
  return {
    docker: openDocker({ commands: systemCommands, environment, clock: systemClock, registries }),
    registry: openRegistry({ commands: systemCommands, clock, config: { registries }, environment }),
  };
};

describe('the real registry', () => {
  test('resolves a tag to what a pull of it brings', async () => {
    const { docker, registry } = open();
    const { digest, platforms } = await registry.resolve(IMAGE);
    expect(platforms).toContain((await docker.image(IMAGE))?.architecture);
    await docker.pull(`${IMAGE}@${digest}`);
    expect((await docker.image(IMAGE))?.repoDigests).toContain(`redis@${digest}`);
  });

  test('a tag that is not there is named, by a pull too', async () => {
    const { docker, registry } = open();
    const reference = `${upstream}/${repository}:v404`;
    const expected = {
      code: 'image-not-found',
      message: expect.stringContaining(reference),
      hint: expect.stringContaining('v404'),
    };
    await expect(registry.resolve(reference)).rejects.toMatchObject(expected);
    await expect(docker.pull(reference)).rejects.toMatchObject(expected);
  });
});

describe('a registry with a password', () => {
  test.each([
    ['without one', undefined],
    ['with a wrong one', 'wrong'],
  ])('is refused %s, at once', async (_, password) => {
    const { docker, registry } = open(password);
    const reference = `${address}/${repository}:v1`;
    const expected = { code: 'registry-denied', hint: expect.stringContaining(`docker login ${address}`) };
    await expect(registry.resolve(reference)).rejects.toMatchObject(expected);
    await expect(docker.pull(reference)).rejects.toMatchObject(expected);
  });

  test('is open with the right one from the config', async () => {
    const { docker, registry } = open(USER.password);
    const reference = `${address}/${repository}:v1`;
    const { digest } = await registry.resolve(reference);
    await docker.pull(`${reference}@${digest}`);
    expect((await docker.image(`${address}/${repository}@${digest}`))?.id).toBe((await docker.image(IMAGE))?.id);
  });
});

describe('failures that heal', () => {
  test.each([
    ['503', [503, 503]],
    ['a connection that is cut', [0, 0, 0]],
  ])('%s: resolved and pulled all the same', async (_, statuses) => {
    const { docker, registry } = open(USER.password);
    const reference = `${address}/${repository}:v1`;
    failing = statuses;
    expect((await registry.resolve(reference)).digest).toMatch(/^sha256:/);
    failing = statuses;
    const lines: string[] = [];
    await docker.pull(reference, { onLine: (line) => lines.push(line) });
    expect(lines.at(-1)).toBe(reference);
    expect(failing).toEqual([]);
  });

  test('one that does not heal is given up, and an abort ends the waiting', async () => {
    const controller = new AbortController();
    let waits = 0;
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        waits += 1;
        if (waits === 2) setImmediate(() => controller.abort(new Error('stopped')));
        return systemClock.sleep(ms, signal);
      },
    };
    const { registry } = open(USER.password, clock);
    failing = Array.from({ length: 1000 }, () => 500);
    const before = requests;
    await expect(registry.resolve(`${address}/${repository}:v1`, controller.signal)).rejects.toThrow('stopped');
    expect(waits).toBe(2);
    expect(requests - before).toBeGreaterThan(1);
    failing = [];
  });

  test('a registry that is not there', async () => {
    const quick = { ...systemClock, sleep: async () => {} };
    const registry = openRegistry({
      commands: systemCommands,
      clock: quick,
      config: { registries: [] },
      environment: shellEnvironment(),
    });
    await expect(registry.resolve('127.0.0.1:9/x:v1')).rejects.toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringMatching(/127\.0\.0\.1:9\/x:v1 \(tried 6 times\).*connection refused/),
    });
  });
});
