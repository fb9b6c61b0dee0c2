import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseEndpoint } from '../../../src/compose/endpoint.ts';
import { openRegistry } from '../../../src/compose/registry.ts';
import type { Clock } from '../../../src/system/clock.ts';
import { systemClock } from '../../../src/system/clock.ts';
import type { CommandRunner } from '../../../src/system/command.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const impatient: Clock = { ...systemClock, sleep: async (_, signal) => signal?.throwIfAborted() };

let directory: string;
let server: Server | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-engine-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((done) => (server ? server.close(done) : done(null)));
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

/** An engine that answers on a unix socket or a port, as the real one does. */
const engine = async (listener: RequestListener, kind: 'unix' | 'tcp' = 'unix'): Promise<string> => {
  const path = join(directory, 'docker.sock');
  const started = createServer(listener);
  server = started;
  await new Promise<void>((done) => {
    if (kind === 'unix') started.listen(path, done);
    else started.listen(0, '127.0.0.1', done);
  });
  return kind === 'unix' ? `unix://${path}` : `tcp://127.0.0.1:${(started.address() as AddressInfo).port}`;
};
const context = (url: string): CommandRunner => ({
  run: async () => ({ exitCode: 0, stdout: `${url}\n`, stderr: '', timedOut: false }),
});
const open = (url: string, more: { readonly viaContext?: boolean; readonly registries?: readonly [] } = {}) =>
  openRegistry({
    commands: context(more.viaContext ? url : 'unix:///nowhere'),
    clock: impatient,
    config: { registries: [{ server: 'ghcr.io', username: 'u', password: 'p' }] },
    environment: { HOME: directory, ...(more.viaContext ? {} : { DOCKER_HOST: url }) },
  });
const saying =
  (status: number, message: string): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
  };
const answer = {
  Descriptor: { digest: DIGEST, size: 1 },
  Platforms: [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
    { os: 'unknown', architecture: 'unknown' },
  ],
};

describe('a tag is resolved', () => {
  test.each(['unix', 'tcp'] as const)('over %s, with the credentials for its registry', async (kind) => {
    const seen: unknown[] = [];
    const url = await engine((request, response) => {
      const auth = request.headers['x-registry-auth'];
      seen.push(request.url, auth === undefined ? null : JSON.parse(Buffer.from(String(auth), 'base64url').toString()));
      response.end(JSON.stringify(answer));
    }, kind);
    const resolved = { digest: DIGEST, platforms: ['linux/amd64', 'linux/arm/v7'] };
    expect(await open(url).resolve('ghcr.io/o/app:v1')).toEqual(resolved);
    expect(await open(url, { viaContext: true }).resolve('redis')).toEqual(resolved);
    expect(await open(url).resolve(`quay.io/a@${DIGEST}`)).toEqual(resolved);
    expect(seen).toEqual([
      '/distribution/ghcr.io/o/app:v1/json',
      { serveraddress: 'ghcr.io', username: 'u', password: 'p' },
      '/distribution/redis:latest/json',
      null,
      `/distribution/quay.io/a@${DIGEST}/json`,
      null,
    ]);
  });

  test('after failures that heal', async () => {
    let tries = 0;
    const url = await engine((request, response) => {
      tries += 1;
      if (tries < 3) saying(500, 'received unexpected HTTP status: 503 Service Unavailable')(request, response);
      else response.end(JSON.stringify(answer));
    });
    expect((await open(url).resolve('app:v1')).digest).toBe(DIGEST);
    expect(tries).toBe(3);
  });
});

test.each([
  [404, 'manifest unknown: manifest unknown', 'image-not-found', 1],
  [403, 'denied: denied', 'registry-denied', 1],
  [401, 'unauthorized: authentication required', 'registry-denied', 1],
  [500, 'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host', 'registry-unreachable', 6],
])('%i %s: %s after %i tries', async (status, message, code, times) => {
  let tries = 0;
  const url = await engine((request, response) => {
    tries += 1;
    saying(status, message)(request, response);
  });
  await expect(open(url).resolve('ghcr.io/o/app:v9')).rejects.toMatchObject({
    code,
    message: expect.stringContaining('ghcr.io/o/app:v9'),
  });
  expect(tries).toBe(times);
});

test('an engine that is not there is no registry that is not there', async () => {
  await expect(open(`unix://${directory}/none.sock`).resolve('app:v1')).rejects.toMatchObject({
    code: 'docker-unreachable',
    message: expect.stringContaining('none.sock'),
  });
});

test('an engine over SSH is said to be unsupported', async () => {
  await expect(open('ssh://me@server').resolve('app:v1')).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('ssh://me@server'),
  });
});

test('an abort ends a request that hangs', async () => {
  const url = await engine(() => {});
  const controller = new AbortController();
  const resolving = open(url).resolve('app:v1', controller.signal);
  setTimeout(() => controller.abort(new Error('stop')), 50);
  await expect(resolving).rejects.toThrow('stop');
});

test('a bad reference is refused before anything is asked', async () => {
  await writeFile(join(directory, 'x'), '');
  await expect(open('unix:///nowhere').resolve('App:v1')).rejects.toMatchObject({ code: 'env-invalid' });
});

test.each([
  ['unix:///var/run/docker.sock', 'unix', '127.0.0.1'],
  ['tcp://10.0.0.5:2376', 'tcp', '10.0.0.5'],
  ['tcp://[fd00::1]:2376', 'tcp', 'fd00::1'],
  ['ssh://me@server:22', 'ssh', 'server'],
  ['npipe:////./pipe/docker_engine', 'other', '127.0.0.1'],
  ['nonsense', 'other', '127.0.0.1'],
])('%s is %s at %s', (url, kind, host) => {
  expect(parseEndpoint(url)).toEqual({ url, kind, host });
});
