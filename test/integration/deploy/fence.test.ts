import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDocker } from '../../../src/compose/docker.ts';
import { createFence, type Fence } from '../../../src/deploy/fence/fence.ts';
import { openFirewall } from '../../../src/deploy/fence/firewall.ts';
import type { Operation } from '../../../src/operation/operations.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';

const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const docker = openDocker({ commands: systemCommands, environment, clock: systemClock });

const run = async (...argv: string[]): Promise<string> => {
  const result = await systemCommands.run(argv, { env: environment, timeoutMs: 60_000 });
  if (result.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr}`);
  return result.stdout.trim();
};

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

const get = (host: string, port: number, agent: Agent | false = false): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request({ host, port, path: '/', agent, timeout: 3_000 }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', reject);
    asked.end();
  });

const codeOf = (promise: Promise<Answer>): Promise<string> =>
  promise.then(
    ({ status }) => String(status),
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );

/** An address of this host that is not the loopback. */
const outsideAddress = (): string => {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal);
  if (found === undefined) throw new Error('this machine has no address but the loopback');
  return found.address;
};

describe('the fence, on a real engine with its own rules in place', () => {
  const name = `fence-${randomBytes(4).toString('hex')}`;
  const operationId = `000001-${randomBytes(2).toString('hex')}`;
  let port = 0;
  let fence: Fence;
  let newFence: (id: string) => Fence;
  const effects: string[] = [];
  const operation = {
    id: operationId,
    effect: async (step: string, _intent: unknown, work: () => Promise<unknown>) => {
      effects.push(step);
      return work();
    },
  } as unknown as Operation;

  beforeAll(async () => {
    await run('docker', 'run', '-d', '--rm', '--name', name, '-p', '80', 'nginx:1.27');
    const published = await run('docker', 'port', name, '80/tcp');
    port = Number(/:(\d+)$/m.exec(published)?.[1]);
    await vi.waitFor(async () => expect(await codeOf(get('127.0.0.1', port))).toBe('200'), { timeout: 10_000 });
    const firewall = await openFirewall(systemCommands);
    expect(firewall).not.toBeNull();
    newFence = (id) =>
      createFence({
        ...{ operation: { ...operation, id } as Operation, firewall, docker, project: name, retryAfterSeconds: 7 },
        maintenance: '000002-aaaa',
        ports: [{ hostIp: null, published: port, target: 80, protocol: 'tcp' }],
        warn: () => {},
      });
    fence = newFence(operationId);
  });

  afterAll(async () => {
    await fence?.lift().catch(() => {});
    await run('docker', 'rm', '-f', name);
  });

  const fromContainer = async (host: string): Promise<string> => {
    const script = `exec 3<>/dev/tcp/${host}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3`;
    const result = await systemCommands.run(['docker', 'run', '--rm', 'nginx:1.27', 'bash', '-c', script], {
      env: environment,
      timeoutMs: 30_000,
    });
    return result.stdout.trim() || 'no answer';
  };

  it('lets everybody in before, answers 503 from everywhere while raised, and lets everybody in after', async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const outside = outsideAddress();
    const gateway = await run(
      'docker',
      'network',
      'inspect',
      'bridge',
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    );
    expect(await codeOf(get('127.0.0.1', port, kept))).toBe('200');
    expect(await codeOf(get(outside, port))).toBe('200');
    expect(await fromContainer(gateway)).toContain('200');

    await fence.raise();
    expect(await get('127.0.0.1', port)).toEqual({ status: 503, retryAfter: '7' });
    expect(await get(outside, port)).toEqual({ status: 503, retryAfter: '7' });
    expect(await get('::1', port)).toEqual({ status: 503, retryAfter: '7' });
    expect(await fromContainer(gateway)).toContain('503');
    // Still open, as before: writers that are asked to stop may finish what they are at.
    expect(await codeOf(get('127.0.0.1', port, kept))).toBe('200');

    await fence.cut();
    expect(await codeOf(get('127.0.0.1', port, kept))).toMatch(/ECONNRESET|503/);
    kept.destroy();

    await fence.lift();
    expect(await codeOf(get('127.0.0.1', port))).toBe('200');
    expect(await codeOf(get(outside, port))).toBe('200');
    expect(await run('iptables-save')).not.toContain(operationId);
    expect(await run('ip6tables-save')).not.toContain(operationId);
    expect(effects).toEqual(['fence.raise', 'fence.cut', 'fence.lift']);
  });

  it('resets kept-alive connections from another host over the DNATed path', async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const outside = outsideAddress();
    expect(await codeOf(get(outside, port, kept))).toBe('200');
    await fence.raise();
    await fence.cut();
    expect(await codeOf(get(outside, port, kept))).toMatch(/ECONNRESET|503/);
    kept.destroy();
    await fence.lift();
  });

  it('stands inside another fence, as a deploy does during maintenance, and leaves that one up', async () => {
    const outer = newFence('000002-aaaa');
    await outer.raise();
    await outer.cut();
    await fence.raise();
    await fence.cut();
    expect(await codeOf(get('127.0.0.1', port))).toBe('503');
    expect(await codeOf(get(outsideAddress(), port))).toBe('503');
    await fence.lift();
    expect(await codeOf(get('127.0.0.1', port))).toBe('503');
    await outer.lift();
    expect(await codeOf(get('127.0.0.1', port))).toBe('200');
  });

  it('takes down what a dead operation of the project left standing', async () => {
    const dead = newFence('000003-dead');
    await dead.raise();
    await dead.cut();
    expect(await run('iptables-save')).toContain('000003-dead');
    await fence.raise();
    expect(await run('iptables-save')).not.toContain('000003-dead');
    expect(await run('ip6tables-save')).not.toContain('000003-dead');
    await fence.lift();
    expect(await codeOf(get('127.0.0.1', port))).toBe('200');
  });

  it('spares connections of our own to the same port elsewhere', async () => {
    await fence.raise();
    await fence.cut();
    const address = await run('docker', 'inspect', name, '--format', '{{.NetworkSettings.IPAddress}}');
    expect(await codeOf(get(address, 80))).toBe('200');
    await fence.lift();
  });
});
