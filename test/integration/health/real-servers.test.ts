import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reach } from '../../../src/compose/address.ts';
import { openDocker } from '../../../src/compose/docker.ts';
import type { ContainerState } from '../../../src/compose/engine.ts';
import type { GateSpec } from '../../../src/config/config.ts';
import type { GateContext } from '../../../src/health/gate.ts';
import { createGate } from '../../../src/health/gates.ts';
import { createHopelessWatch } from '../../../src/health/hopeless.ts';
import { checkGatesOnce, pollGates } from '../../../src/health/poll.ts';
import { watchStability } from '../../../src/health/stability.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';

// Every kind of server that a gate can look at, once, in one Compose project without published ports but nginx's.
const project = `kaleem-gates-${randomBytes(4).toString('hex')}`;
const environment = Object.fromEntries(
  ['PATH', 'HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
const docker = openDocker({ commands: systemCommands, environment, clock: systemClock });
const signal = AbortSignal.timeout(170_000);
let directory: string;

const file = `
services:
  redis:
    image: redis:7
    command: ["redis-server", "--requirepass", "hunter22"]
    healthcheck: { test: ["CMD", "redis-cli", "-a", "hunter22", "ping"], interval: 1s }
  rabbitmq: { image: "rabbitmq:3-management" }
  mongo: { image: "mongo:7" }
  qdrant: { image: "qdrant/qdrant:latest" }
  web:
    image: nginx:1.27
    ports: ["127.0.0.1::80"]
    volumes: ["./site:/srv/site:ro", "./site.conf:/etc/nginx/conf.d/default.conf:ro"]
  looper:
    image: redis:7
    entrypoint: ["bash", "-c", "sleep 0.2; exit 3"]
    restart: always
  stopper:
    image: redis:7
    entrypoint: ["bash", "-c", "sleep 0.2; exit 4"]
`;

const siteConf = `server {
  listen 80;
  root /srv/site;
  location / { try_files $uri /index.html; }
  location /assets/ { try_files $uri =404; }
}
`;

const compose = async (...args: string[]) => {
  const argv = ['docker', 'compose', '-p', project, '--project-directory', directory, ...args];
  const result = await systemCommands.run(argv, { env: environment, timeoutMs: 120_000 });
  if (result.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

const containers = async (service?: string): Promise<readonly ContainerState[]> =>
  (await docker.containers(project, { all: true })).filter((each) => service === undefined || each.service === service);

const context = (overrides: Partial<GateContext> = {}): GateContext => ({
  commands: systemCommands,
  reach: async (host, port) => reach({ host, port }, await containers(), await docker.info()),
  container: containers,
  exec: async (service, argv, timeoutMs, of) => {
    const [container] = await containers(service);
    return docker.exec(container?.id ?? '', argv, { timeoutMs, signal: of });
  },
  plannedImageId: () => null,
  baseline: () => null,
  ...overrides,
});

const settings = { name: 'gate', attempts: 6, intervalMs: 10_000, timeoutMs: 5000 };
type Settings = keyof typeof settings;
type Spec = GateSpec extends infer Each ? (Each extends GateSpec ? Omit<Each, Settings> : never) : never;
const gate = (spec: Spec, overrides?: Partial<GateContext>) =>
  createGate({ ...settings, ...spec } as GateSpec, context(overrides));

const poll = async (spec: Spec, overrides?: Partial<GateContext>) => {
  const [report] = await pollGates([gate(spec, overrides)], { clock: systemClock, signal });
  return report;
};
const once = async (spec: Spec, overrides?: Partial<GateContext>) => {
  const [report] = await checkGatesOnce([gate(spec, overrides)], { clock: systemClock, signal });
  return report;
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-gates-'));
  await writeFile(join(directory, 'compose.yml'), file);
  await writeFile(join(directory, 'site.conf'), siteConf);
  const site = join(directory, 'site');
  await mkdir(join(site, 'assets'), { recursive: true });
  // For nginx, which is not root.
  await chmod(directory, 0o755);
  const index = '<!doctype html><script src="/assets/app.js"></script><link rel="stylesheet" href="/assets/app.css">';
  await writeFile(join(site, 'index.html'), index);
  await writeFile(join(site, 'assets/app.js'), 'run()');
  await writeFile(join(site, 'assets/app.css'), 'a{}');
  await writeFile(join(site, 'stale.html'), '<script src="/app.old.js"></script>');
  await compose('up', '-d', '--no-build', '--pull', 'never');
});

afterAll(async () => {
  await compose('down', '--volumes', '--timeout', '1').catch(() => {});
  await rm(directory, { recursive: true, force: true });
});

describe('servers of the project, reached by the names that its containers use', () => {
  test('redis answers PING with the right password and not with a wrong one, or none', async () => {
    expect(await poll({ type: 'redis', uri: 'redis://:hunter22@redis:6379/1' })).toMatchObject({ ok: true });
    const wrong = await once({ type: 'redis', uri: 'redis://:swordfish@redis:6379' });
    expect(wrong).toMatchObject({ ok: false });
    expect(wrong?.detail).toMatch(/^WRONGPASS/);
    expect((await once({ type: 'redis', uri: 'redis://redis' }))?.detail).toMatch(/^NOAUTH/);
    expect((await once({ type: 'redis', uri: 'redis://:hunter22@redis:6379/99' }))?.detail).toMatch(/out of range/);
  });

  test('mongo answers a ping, as a primary', async () => {
    const report = await poll({ type: 'mongo', uri: 'mongodb://mongo:27017/kaleem', primary: true });
    expect(report).toMatchObject({ ok: true, detail: 'ping answered by a primary' });
  });

  test('rabbitmq opens a channel once it is up, not with a wrong password or virtual host', async () => {
    expect(await poll({ type: 'rabbitmq', uri: 'amqp://rabbitmq:5672' })).toMatchObject({ ok: true });
    expect(await once({ type: 'rabbitmq', uri: 'amqp://guest:guest@rabbitmq/%2F' })).toMatchObject({ ok: true });
    const wrong = await once({ type: 'rabbitmq', uri: 'amqp://guest:swordfish@rabbitmq' });
    expect(wrong).toMatchObject({ ok: false });
    expect(wrong?.detail).toMatch(/ACCESS.REFUSED/);
    expect(wrong?.detail).not.toContain('swordfish');
    const nowhere = await once({ type: 'rabbitmq', uri: 'amqp://rabbitmq/nowhere' });
    expect(nowhere?.detail).toMatch(/^RabbitMQ refused the virtual host "nowhere"/);
  });

  test('qdrant is ready', async () => {
    expect(await poll({ type: 'qdrant', url: 'http://qdrant:6333', apiKey: null })).toMatchObject({ ok: true });
  });

  test('tcp: an open port and a closed one', async () => {
    expect(await poll({ type: 'tcp', host: 'qdrant', port: 6333 })).toMatchObject({ ok: true });
    expect((await once({ type: 'tcp', host: 'qdrant', port: 1 }))?.detail).toMatch(/^connection refused \(/);
  });

  test('a command in a container, and on the host', async () => {
    const inside = { type: 'command', argv: ['redis-cli', '-a', 'hunter22', 'ping'], service: 'redis' } as const;
    const report = await poll(inside);
    expect(report).toMatchObject({ ok: true });
    expect(report?.detail).toContain('PONG');
    expect(await once({ ...inside, argv: ['false'] })).toMatchObject({ ok: false, detail: 'exit code 1' });
    expect(await once({ type: 'command', argv: ['true'], service: null })).toMatchObject({ ok: true });
  });
});

describe('nginx, reached through its published port', () => {
  const published = async (path: string) => {
    const [address = ''] = (await compose('port', 'web', '80')).split('\n');
    return `http://localhost:${address.split(':').at(-1)}${path}`;
  };

  test('a page with its assets loads, one whose script is gone does not', async () => {
    expect((await poll({ type: 'page', url: await published('/') }))?.detail).toMatch(/2 assets load$/);
    const stale = await once({ type: 'page', url: await published('/stale.html') });
    expect(stale).toMatchObject({ ok: false, detail: '/app.old.js: an HTML page came instead of it' });
  });

  test('passes for the planned image and not for another', async () => {
    const spec = { type: 'http', url: await published('/'), requestHeaders: {}, expect: { body: 'app.js' } } as const;
    const [web] = await containers('web');
    const { imageId = '' } = web ?? {};
    expect(await poll(spec, { plannedImageId: () => imageId })).toMatchObject({ ok: true });
    const other = await once(spec, { plannedImageId: () => `sha256:${'0'.repeat(64)}` });
    expect(other).toMatchObject({ ok: false });
    expect(other?.detail).toMatch(/not the planned 000000000000$/);
  });
});

describe('containers', () => {
  test('a healthy one passes and is stable', async () => {
    expect(await poll({ type: 'container', service: 'redis' })).toMatchObject({
      ok: true,
      detail: 'running and healthy',
    });
    const watching = { containers: () => containers('redis'), stabilityMs: 1500, clock: systemClock, signal };
    expect(await watchStability(watching)).toBeNull();
  });

  test('a crash loop does not pass, is not stable, and ends the wait early', async () => {
    const hopeless = createHopelessWatch({
      containers: () => containers('looper'),
      services: ['looper'],
      baseline: () => 0,
      clock: systemClock,
    });
    const spec: Spec = { type: 'container', service: 'looper' };
    const overrides = { baseline: () => ({ restartCount: 0, startedAt: '' }) };
    const [report] = await pollGates([gate(spec, overrides)], { clock: systemClock, signal, hopeless });
    expect(report?.ok).toBe(false);
    expect(report?.detail).toMatch(/^crash loop: \S+-looper-1 restarted \d+ times \(last exit code 3\); last answer: /);
    expect(report?.elapsedMs).toBeLessThan(20_000);
    // The engine waits longer and longer between restarts; the window has to see one of them, or its absence.
    const watching = { containers: () => containers('looper'), stabilityMs: 60_000, clock: systemClock, signal };
    expect(await watchStability(watching)).toMatch(/looper-1 (is restarting|was restarted|has stopped)/);
  });

  test('one that stopped for good ends the wait within seconds, with its exit code', async () => {
    const hopeless = createHopelessWatch({
      containers: () => containers('stopper'),
      services: ['stopper'],
      baseline: () => 0,
      clock: systemClock,
    });
    const [report] = await pollGates([gate({ type: 'container', service: 'stopper' })], {
      clock: systemClock,
      signal,
      hopeless,
    });
    expect(report?.detail).toMatch(/^\S+-stopper-1 has stopped \(exit code 4\); last answer: /);
    expect(report?.elapsedMs).toBeLessThan(10_000);
  });
});
