import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, type LockHolder, type LockKey, readLockHolder } from '../../../src/operation/lock.ts';
import { listenerPid } from '../../../src/operation/lock-owner.ts';
import { socketName } from '../../../src/operation/lock-socket.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { type Compiled, compileSources } from './compile.ts';
import { failureOf } from './fixtures.ts';

const HOLDER: LockHolder = {
  pid: process.pid,
  operation: '000012-a1b2',
  kind: 'deploy',
  who: 'alice@host',
  since: '2026-01-31T12:00:00.000Z',
  runner: '0123456789abcdef',
  requestId: null,
};

let compiled: Compiled;
let key: LockKey;
let children: ChildProcess[];

beforeAll(async () => {
  compiled = await compileSources();
});

afterAll(() => compiled.remove());

beforeEach(() => {
  key = { engineId: randomUUID(), project: 'shop' };
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

const take = (waitMs = 0, signal?: AbortSignal) =>
  acquireLock(key, HOLDER, { waitMs, clock: systemClock, ...(signal ? { signal } : {}) });

/** Code of a process that takes the lock within `waitMs` and then does `then`. */
const taking = (waitMs: number, then: string): string => `
  import { spawn } from 'node:child_process';
  import { mkdirSync, rmdirSync } from 'node:fs';
  import { setTimeout as delay } from 'node:timers/promises';
  import { acquireLock } from './operation/lock.js';
  import { systemClock as clock } from './system/clock.js';
  const holder = { pid: process.pid, operation: '', kind: 'backup', who: 'child', since: 'now' };
  const lock = await acquireLock(${JSON.stringify(key)}, holder, { waitMs: ${waitMs}, clock });
  ${then}`;

const start = async (waitMs: number, then: string): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [await compiled.script(randomUUID(), taking(waitMs, then))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
};

/** It may be over already. */
const exitOf = async (child: ChildProcess): Promise<number | NodeJS.Signals | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode;
};

/** Until it prints something: what it printed. */
const said = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.stdout?.once('data', (chunk) => resolve(String(chunk).trim())));

const HOLD = `console.log('held'); setInterval(() => {}, 1000);`;

const holder = async (): Promise<ChildProcess> => {
  const child = await start(0, HOLD);
  await said(child);
  return child;
};

describe('the lock of a project', () => {
  it('is free before and after', async () => {
    expect(await readLockHolder(key)).toEqual({ held: false, holder: null, pid: null });
    const lock = await take();
    expect(await readLockHolder(key)).toEqual({ held: true, holder: HOLDER, pid: process.pid });
    await lock.release();
    await lock.release();
    expect(await readLockHolder(key)).toMatchObject({ held: false });
    await (await take()).release();
  });

  it('turns a second taker away at once, naming who has it, within one process too', async () => {
    const lock = await take();
    const error = await failureOf(take());
    expect(error.code).toBe('locked');
    for (const part of ['shop', 'deploy', '000012-a1b2', 'alice@host', '2026-01-31T12:00:00.000Z', `${process.pid}`]) {
      expect(error.message).toContain(part);
    }
    await lock.release();
  });

  it('is another one for another project and another engine', async () => {
    const lock = await take();
    const options = { waitMs: 0, clock: systemClock };
    const others = [
      await acquireLock({ ...key, project: 'shop-staging' }, HOLDER, options),
      await acquireLock({ ...key, engineId: randomUUID() }, HOLDER, options),
    ];
    for (const each of [lock, ...others]) await each.release();
  });

  it('tells later askers what it was told later', async () => {
    const lock = await take();
    lock.describe({ ...HOLDER, operation: '000013-ffff', kind: 'rollback' });
    expect(await readLockHolder(key)).toMatchObject({ holder: { operation: '000013-ffff', kind: 'rollback' } });
    await lock.release();
  });

  it('waits for its turn, and takes it soon after the other lets go', async () => {
    const lock = await take();
    const waiting = take(10_000);
    await delay(250);
    await lock.release();
    const released = performance.now();
    await (await waiting).release();
    expect(performance.now() - released).toBeLessThan(3_000);
  });

  it('gives up when the wait is over, and not before', async () => {
    const lock = await take();
    const started = performance.now();
    const error = await failureOf(take(300));
    expect(error.message).toContain('alice@host');
    expect(performance.now() - started).toBeGreaterThanOrEqual(299);
    expect(performance.now() - started).toBeLessThan(5_000);
    await lock.release();
  });

  it('stops waiting when it is aborted, and does not take a free one then', async () => {
    const lock = await take();
    const stop = new AbortController();
    const waiting = take(60_000, stop.signal);
    stop.abort(new Error('Ctrl-C'));
    await expect(waiting).rejects.toThrow('Ctrl-C');
    await lock.release();
    await expect(take(0, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(await readLockHolder(key)).toMatchObject({ held: false });
  });

  it('is let go although an asker stays connected', async () => {
    const lock = await take();
    const socket = connect({ path: socketName([key.engineId, key.project]), allowHalfOpen: true });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('data', resolve));
    await lock.release();
    await (await take()).release();
    socket.destroy();
  });
});

describe('the lock between processes', () => {
  it('is free the instant its holder was killed', async () => {
    const child = await holder();
    expect((await failureOf(take())).message).toContain('child');
    const gone = exitOf(child);
    child.kill('SIGKILL');
    await gone;
    await (await take()).release();
  });

  it('is not kept by a process that the killed holder had started', async () => {
    const child = await start(
      0,
      `console.log(spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).pid); setInterval(() => {}, 1000);`,
    );
    const sleeper = Number(await said(child));
    try {
      const gone = exitOf(child);
      child.kill('SIGKILL');
      await gone;
      process.kill(sleeper, 0);
      await (await take()).release();
    } finally {
      process.kill(sleeper, 'SIGKILL');
    }
  });

  it('stays with a stopped holder, and the loser is told so, and by whom, within about a second', async () => {
    const child = await holder();
    child.kill('SIGSTOP');
    await delay(50);
    const started = performance.now();
    const error = await failureOf(take());
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(error.code).toBe('locked');
    expect(error.message).toContain(`process ${child.pid}`);
    expect(error.message).toContain('stopped');
    expect(await readLockHolder(key)).toEqual({ held: true, holder: null, pid: child.pid });
    child.kill('SIGCONT');
    expect((await failureOf(take())).message).toContain('child');
  });

  it('is free when a stopped holder is killed, for one who waits already as well', async () => {
    const child = await holder();
    child.kill('SIGSTOP');
    const waiting = take(10_000);
    await delay(200);
    child.kill('SIGKILL');
    await (await waiting).release();
  });

  it('does not keep its holder from ending', async () => {
    const child = await start(0, '');
    expect(await exitOf(child)).toBe(0);
  });

  it('has one holder at a time among fifty contenders, and every one gets it in the end', async () => {
    const marker = JSON.stringify(join(compiled.directory, randomUUID()));
    // mkdir fails when another is inside: two holders.
    const inside = `mkdirSync(${marker}); await delay(5); rmdirSync(${marker}); await lock.release();`;
    const contenders = await Promise.all(Array.from({ length: 50 }, () => start(120_000, inside)));
    const codes = await Promise.all(contenders.map(exitOf));
    expect(codes).toEqual(codes.map(() => 0));
    expect(await readLockHolder(key)).toMatchObject({ held: false });
  }, 180_000);

  it('goes to exactly one of many that do not wait', async () => {
    const attempts = Array.from({ length: 20 }, () => acquireLock(key, HOLDER, { waitMs: 0, clock: systemClock }));
    const results = await Promise.allSettled(attempts);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'locked' });
    }
    await won[0]?.release();
  });
});

describe('a name taken by somebody else', () => {
  const squat = async (answer: string | null) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (answer !== null) socket.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(socketName([key.engineId, key.project]), resolve));
    return () => new Promise<void>((resolve) => server.close(() => resolve()));
  };

  it.each([
    ['nonsense', 'hello'],
    ['JSON of another shape', '{"pid":"1"}'],
    ['more than it should', 'x'.repeat(100_000)],
  ])('is held all the same when it answers %s', async (_, answer) => {
    const leave = await squat(answer);
    expect(await readLockHolder(key)).toEqual({ held: true, holder: null, pid: process.pid });
    expect((await failureOf(take())).message).toContain(`process ${process.pid} has the lock of shop`);
    await leave();
  });

  it('never gets control characters onto our terminal', async () => {
    const leave = await squat(JSON.stringify({ ...HOLDER, who: '\u001b[31mroot\u202e\n', kind: 'k'.repeat(500) }));
    const error = await failureOf(take());
    expect(error.message).toContain('by ?[31mroot??,');
    expect(error.message.length).toBeLessThan(600);
    await leave();
  });

  it('does not hang us when it closes without a word', async () => {
    const leave = await squat('');
    await expect(take()).rejects.toMatchObject({ code: 'locked' });
    await leave();
  });
});

describe('the socket’s name', () => {
  it('is as long as a name can be, whatever the key, so that no version of libuv pads or cuts it', () => {
    const names = [
      ['a', 'b'],
      ['ab', ''],
      ['x'.repeat(500), 'y'],
    ].map(socketName);
    for (const name of names) expect(name).toMatch(/^\0[!-~]{107}$/);
    expect(new Set(names).size).toBe(3);
  });

  it('is the kernel’s, to the byte', async () => {
    const lock = await take();
    const name = socketName([key.engineId, key.project]);
    expect(readFileSync('/proc/net/unix', 'utf8')).toContain(` @${name.slice(1)}\n`);
    expect(await listenerPid(name)).toBe(process.pid);
    await lock.release();
    expect(await listenerPid(name)).toBeNull();
  });
});
