import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { askToAbort, followRunner, lookAtRunner } from '../../../src/operation/runner/follower.ts';
import { createHub, type Hub } from '../../../src/operation/runner/hub.ts';
import { sendMessage } from '../../../src/operation/runner/lines.ts';
import type { Ending, Happening } from '../../../src/operation/runner/protocol.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createRedactor } from '../../../src/system/redact.ts';

const DONE: Ending = { type: 'end', exitCode: 0, error: null, result: { tag: 'v2' } };

const setUp = (clock = systemClock) => {
  const redactor = createRedactor();
  const aborts: string[] = [];
  const hub = createHub({
    ...{ kind: 'deploy', clock, redactor },
    onAbort: (by) => aborts.push(by),
    isAborting: () => aborts.length > 0,
  });
  return { hub, redactor, aborts };
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A real socket to the hub. */
const connect = (hub: Hub): Socket => {
  const path = `\0kaleem-deploy/test/${randomUUID()}`;
  servers.push(createServer({ allowHalfOpen: true }, (socket) => hub.serve(socket)).listen(path));
  return connectSocket({ path, allowHalfOpen: true });
};

/** Follows; `events` fills up as they come. */
const follow = (hub: Hub, { from = 1, verbose = false } = {}) => {
  const stream = connect(hub);
  const events: Happening[] = [];
  const kinds: string[] = [];
  const followed = followRunner(stream, {
    ...{ from, verbose },
    onHello: ({ kind }) => kinds.push(kind),
    onHappening: (event) => events.push(event),
  });
  return { stream, events, followed, kinds, types: () => events.map(({ type }) => type) };
};

const start = (hub: Hub, step: number, title: string) =>
  hub.emit({ type: 'started', step, title, at: systemClock.monotonic() });
const finish = (hub: Hub, step: number, title: string) =>
  hub.emit({ type: 'finished', step, title, elapsedMs: 5, bytes: null, summary: null });

describe('a follower', () => {
  it('hears everything from the start, in order, and then how it ended', async () => {
    const { hub } = setUp();
    const { followed, types, kinds } = follow(hub);
    await expect.poll(() => kinds).toEqual(['deploy']);
    start(hub, 1, 'pull');
    hub.emit({ type: 'detail', step: 1, text: 'layer 1' });
    hub.emit({ type: 'bytes', step: 1, bytes: { done: 5, total: 10 } });
    finish(hub, 1, 'pull');
    hub.emit({ type: 'note', text: 'a' });
    hub.emit({ type: 'warn', text: 'b' });
    await hub.end(DONE);
    expect(await followed).toEqual({ how: 'ended', ending: { n: 7, ...DONE } });
    expect(types()).toEqual(['started', 'detail', 'bytes', 'finished', 'note', 'warn']);
  });

  it('that comes late hears what came of finished steps, and where those that run are now', async () => {
    const { hub } = setUp();
    start(hub, 1, 'pull');
    hub.emit({ type: 'detail', step: 1, text: 'layer 1' });
    finish(hub, 1, 'pull');
    start(hub, 2, 'back up');
    for (const done of [1, 2, 3]) hub.emit({ type: 'bytes', step: 2, bytes: { done, total: null } });
    hub.emit({ type: 'detail', step: 2, text: 'collection a' });
    hub.emit({ type: 'detail', step: 2, text: 'collection b' });
    const { events } = follow(hub);
    await expect.poll(() => events.length).toBe(4);
    expect(events).toMatchObject([
      { type: 'finished', step: 1, title: 'pull' },
      { type: 'started', step: 2, title: 'back up' },
      { type: 'detail', step: 2, text: 'collection b' },
      { type: 'bytes', step: 2, bytes: { done: 3, total: null } },
    ]);
  });

  it('that comes after the end hears the end', async () => {
    const { hub } = setUp();
    await hub.end(DONE);
    expect(await follow(hub).followed).toMatchObject({ how: 'ended', ending: { exitCode: 0 } });
  });

  it('that gave the job hears the end, although the job was over before it asked to follow', async () => {
    const { hub } = setUp();
    const [front, back] = duplexPair();
    hub.serve(back, () => {});
    let over = false;
    const ended = hub.end(DONE).then(() => {
      over = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(over).toBe(false);
    const followed = followRunner(front, { from: 1, verbose: false, onHello: () => {}, onHappening: () => {} });
    expect(await followed).toEqual({ how: 'ended', ending: { n: 1, ...DONE } });
    await ended;
  });

  it('that gave the job and went away is not waited for', async () => {
    const { hub } = setUp({ ...systemClock, sleep: () => new Promise(() => {}) });
    const [front, back] = duplexPair();
    hub.serve(back, () => {});
    const ended = hub.end(DONE);
    front.destroy();
    back.destroy();
    await ended;
  });

  it('that lost its connection goes on where it was', async () => {
    const { hub } = setUp();
    const first = follow(hub);
    hub.emit({ type: 'note', text: 'a' });
    await expect.poll(() => first.events.length).toBe(1);
    first.stream.end();
    const lost = await first.followed;
    expect(lost).toEqual({ how: 'lost', next: 2 });
    hub.emit({ type: 'note', text: 'b' });
    const second = follow(hub, { from: 2 });
    await hub.end(DONE);
    await second.followed;
    expect(second.events).toMatchObject([{ text: 'b' }]);
  });

  it('hears the debug log when it asked for it, from then on', async () => {
    const { hub } = setUp();
    hub.emit({ type: 'log', text: 'before' });
    const [curious, other] = [follow(hub, { verbose: true }), follow(hub)];
    await expect.poll(() => curious.kinds.length + other.kinds.length).toBe(2);
    await new Promise((done) => setImmediate(done));
    hub.emit({ type: 'log', text: 'after' });
    await hub.end(DONE);
    await Promise.all([curious.followed, other.followed]);
    expect(curious.events).toMatchObject([{ type: 'log', text: 'after' }]);
    expect(other.events).toEqual([]);
  });

  it('never sees a secret, nor is what it must understand garbled by one', async () => {
    const { hub, redactor } = setUp();
    redactor.add('started');
    redactor.add('hunter22');
    start(hub, 1, 'log in with hunter22');
    hub.emit({ type: 'failed', step: 1, title: 'x', elapsedMs: 1, message: 'hunter22 is wrong' });
    hub.emit({ type: 'warn', text: 'hunter22' });
    start(hub, 2, 'y');
    const { events, followed } = follow(hub);
    await hub.end({ type: 'end', exitCode: 0, error: null, result: { deep: ['hunter22'] } });
    const end = await followed;
    expect(JSON.stringify([events, end])).not.toContain('hunter22');
    expect(events.map(({ type }) => type)).toEqual(['failed', 'warn', 'started']);
  });

  it('that does not read costs a bounded amount, and harms nobody', async () => {
    const { hub } = setUp();
    const deaf = connect(hub);
    deaf.pause();
    sendMessage(deaf, { type: 'follow', from: 1, verbose: true });
    const reader = follow(hub);
    await expect.poll(() => reader.kinds.length).toBe(1);
    const text = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 40; count += 1) {
      hub.emit({ type: 'note', text });
      await expect.poll(() => reader.events.length, { interval: 1 }).toBe(count + 1);
    }
    await hub.end(DONE);
    expect(await reader.followed).toMatchObject({ how: 'ended' });
    expect(reader.events).toHaveLength(40);
  });

  it('is told of the newest when there is more than is kept', async () => {
    const { hub } = setUp();
    for (let count = 0; count < 5_100; count += 1) hub.emit({ type: 'note', text: String(count) });
    await hub.end(DONE);
    const { events, followed } = follow(hub);
    await followed;
    expect(events.length).toBeLessThanOrEqual(5_000);
    expect(events.at(-1)).toMatchObject({ text: '5099' });
  });

  it.each(['nonsense\n', '[]\n', '{"no":"type"}\n', '{"type":"boo"}\n', '{"type":"job","job":{}}\n'])(
    'that says %j is cut off, and the others hear on',
    async (text) => {
      const { hub, aborts } = setUp();
      const stream = connect(hub);
      const closed = once(stream.resume(), 'end');
      stream.write(text);
      const other = follow(hub);
      await hub.end(DONE);
      await closed;
      expect(await other.followed).toMatchObject({ how: 'ended' });
      expect(aborts).toEqual([]);
    },
  );

  it('of another protocol is told so by itself', async () => {
    const [ours, theirs] = duplexPair();
    const followed = followRunner(ours, { from: 1, verbose: false, onHello: () => {}, onHappening: () => {} });
    sendMessage(theirs, { type: 'hello', protocol: 99, pid: 1, kind: 'deploy', now: 0 });
    expect(await followed).toEqual({ how: 'incompatible' });
  });

  it('can ask for an abort, whoever it is', async () => {
    const { hub, aborts } = setUp();
    const { stream } = follow(hub);
    askToAbort(stream, 'Ctrl-C');
    askToAbort(connect(hub), 'somebody');
    await expect.poll(() => aborts.toSorted()).toEqual(['Ctrl-C', 'somebody']);
  });
});

describe('a look', () => {
  it('says what runs, for how long, and how far it is', async () => {
    const { hub, aborts } = setUp();
    start(hub, 1, 'pull');
    finish(hub, 1, 'pull');
    start(hub, 2, 'back up');
    hub.emit({ type: 'detail', step: 2, text: 'users' });
    hub.emit({ type: 'bytes', step: 2, bytes: { done: 3, total: 9 } });
    const look = () => lookAtRunner(connect(hub), 1_000);
    expect(await look()).toMatchObject({
      ...{ kind: 'deploy', pid: process.pid, aborting: false },
      steps: [{ title: 'back up', detail: 'users', bytes: { done: 3, total: 9 }, elapsedMs: expect.any(Number) }],
    });
    aborts.push('x');
    expect(await look()).toMatchObject({ aborting: true });
  });

  it('at a runner that does not answer ends by itself', async () => {
    const [ours] = duplexPair();
    expect(await lookAtRunner(ours, 20)).toBeNull();
    const [gone, other] = duplexPair();
    other.end();
    expect(await lookAtRunner(gone, 5_000)).toBeNull();
  });
});
