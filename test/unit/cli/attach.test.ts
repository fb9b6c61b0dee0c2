import { EventEmitter } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runRunner } from '../../../src/cli/runner.ts';
import { DeployError } from '../../../src/errors.ts';
import type { LockStatus } from '../../../src/operation/lock.ts';
import type { Hub } from '../../../src/operation/runner/hub.ts';
import { sendMessage } from '../../../src/operation/runner/lines.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { deployed, record, status } from './fixtures.ts';
import { appOf, config, run } from './support.ts';

const MARKER = '0123456789abcdef';
const holder = {
  ...{ pid: 42, operation: '000004-cd34', kind: 'deploy', who: 'omar@web', runner: MARKER, requestId: null },
  since: '2026-03-01T11:59:00.000Z',
};
const held: LockStatus = { held: true, holder, pid: 42 };
const free: LockStatus = { held: false, holder: null, pid: null };

/** A deploy that goes on until the test says so, or until it is aborted. */
const running = async (listenError: Error | null = null) => {
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let deploys = (): void => {};
  const deploying = new Promise<void>((resolve) => {
    deploys = resolve;
  });
  let serve: Hub['serve'] | null = null;
  const [front, runner] = duplexPair();
  const signals = new EventEmitter();
  const ended = runRunner(runner, {
    ...{ kind: 'deploy', signals, io: { env: {}, cwd: '/' } },
    parts: {
      clock: systemClock,
      loadConfig: async () => config({ warnings: ['odd'] }),
      collectSecrets: async () => ['hunter22'],
      openApp: async ({ progress, signal }) =>
        appOf({
          deploy: () =>
            progress.step('verify hunter22', async (step) => {
              step.detail('gate 1');
              deploys();
              const aborted = new Promise<never>((_, reject) =>
                signal.addEventListener('abort', () =>
                  reject(new DeployError('interrupted', 'v2 was interrupted', { cause: signal.reason })),
                ),
              );
              await Promise.race([finished, aborted]);
              return deployed;
            }),
        }),
    },
    listen: async (given) => {
      if (listenError !== null) throw listenError;
      serve = given;
      return () => {
        serve = null;
      };
    },
  });
  const request = { kind: 'deploy', request: { tag: 'v2', images: {}, upgrade: [], restartAll: false } };
  const options = { config: null, destination: null, lockWaitMs: 0, requestId: null };
  sendMessage(front, { type: 'job', job: { request, options, interruption: 'rolls-back', warned: false } });
  /** Connects; `then` comes once whoever connected had the time to follow. */
  const connecting = (then: () => void) => async (): Promise<Duplex | null> => {
    const [ours, theirs] = duplexPair();
    if (serve === null) return null;
    serve(theirs);
    setTimeout(then, 50);
    return ours;
  };
  sendMessage(front, { type: 'follow', from: 1, verbose: false });
  let said = '';
  front.on('data', (text) => {
    said += text;
  });
  await deploying;
  return { finish: () => finish(), connecting, ended, signals, front, said: () => said };
};

describe.each(['attach', 'abort'])('%s', (verb) => {
  it('says that nothing runs, and what ended last: exit 3', async () => {
    const app = { lockStatus: async () => free, history: async () => [record] };
    expect(await run([verb], { app })).toEqual({
      ...{ exitCode: 3, err: '' },
      out: 'nothing runs; the last operation was deploy v0.0.2: succeeded, 2 min ago, took 14.0s\n',
    });
    const { out } = await run([verb, '--json'], { app });
    expect(JSON.parse(out)).toEqual({ running: false, lastOperation: record });
    const none = await run([verb], { app: { ...app, history: async () => [] } });
    expect(none.out).toBe('nothing runs; nothing was ever run here\n');
  });

  it('says so when the operation ended while it was looked for', async () => {
    const answers = [held, free];
    const app = { lockStatus: async () => answers.shift() ?? free, history: async () => [record] };
    expect(await run([verb], { app })).toMatchObject({ exitCode: 3 });
  });

  it.each([
    [held, "deploy 000004-cd34 of omar@web (process 42) can't be followed from here"],
    [{ ...held, holder: { ...holder, runner: null } }, "can't be followed from here"],
    [{ held: true, holder: null, pid: 42 }, "process 42 has the project's lock but does not answer"],
    [{ held: true, holder: null, pid: null }, "a process has the project's lock but does not answer"],
  ] as const)('says why %j is out of reach', async (lock, text) => {
    const app = { lockStatus: async () => lock };
    const { exitCode, err } = await run([verb], { app });
    expect(exitCode).toBe(12);
    expect(err).toContain(text);
    expect(err).toMatch(/^hint: /m);
  });
});

describe('attach', () => {
  it('shows what happened so far, redacted, follows to the end and ends with its exit code', async () => {
    const { connecting, finish, ended } = await running();
    const app = { lockStatus: async () => held };
    expect(await run(['attach'], { app, parts: { connectToRunner: connecting(finish) } })).toMatchObject({
      exitCode: 0,
      err: expect.stringMatching(
        /^following deploy 000004-cd34 of omar@web, begun 1 min ago\nwarning: odd\nok {2}verify \[redacted\] {2}\d\.\ds\n$/,
      ),
      out: expect.stringMatching(/^v0\.0\.2 is live \(release 2/),
    });
    await ended;
  });

  it('goes on following after a lost connection, without saying anything twice', async () => {
    const { connecting, finish } = await running();
    let connections = 0;
    const connectToRunner = async () => {
      connections += 1;
      const channel = await connecting(() => (connections === 1 ? channel?.destroy() : finish()))();
      return channel;
    };
    const { exitCode, err } = await run(['attach'], {
      app: { lockStatus: async () => held },
      parts: { connectToRunner },
    });
    expect({ exitCode, connections }).toEqual({ exitCode: 0, connections: 2 });
    expect(err.match(/warning: odd/g)).toHaveLength(1);
    expect(err).toContain('ok  verify');
  });

  it('stops following at Ctrl-C, and the operation goes on', async () => {
    const { connecting, finish, ended } = await running();
    const signals = new EventEmitter();
    const app = { lockStatus: async () => held };
    const connect = connecting(() => signals.emit('SIGINT'));
    const { exitCode, err } = await run(['attach'], { app, signals, parts: { connectToRunner: connect } });
    expect(exitCode).toBe(130);
    expect(err).toContain('no longer following: the deploy goes on');
    finish();
    await ended;
  });

  it('says that the process died when nobody is there any more', async () => {
    const { connecting } = await running();
    let channel: Duplex | null = null;
    const connectToRunner = async () => {
      channel = channel === null ? await connecting(() => channel?.destroy())() : null;
      return channel;
    };
    const { exitCode, err } = await run(['attach'], {
      app: { lockStatus: async () => held },
      parts: { connectToRunner },
    });
    expect(exitCode).toBe(1);
    expect(err).toContain('error: the process that ran this deploy died before it said how it ended\n');
    expect(err).toContain('hint: kaleem-deploy recover');
  });
});

describe('the same command with the same --request-id', () => {
  const named = { ...held, holder: { ...holder, requestId: 'ci-17' } };
  const app = { lockStatus: async () => named };

  it('follows what runs, and does nothing itself', async () => {
    const { connecting, finish, ended } = await running();
    const parts = { connectToRunner: connecting(finish) };
    expect(await run(['v2', '--request-id', 'ci-17'], { app, parts })).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^v0\.0\.2 is live/),
      err: expect.stringMatching(/^warning: odd\nok {2}verify/),
    });
    await ended;
  });

  it('is refused where it is another command', async () => {
    const { connecting, finish, ended } = await running();
    const parts = { connectToRunner: connecting(() => {}) };
    const { exitCode, err } = await run(['rollback', '--request-id', 'ci-17'], { app, parts });
    expect(exitCode).toBe(2);
    expect(err).toContain('--request-id ci-17 was given to something else before: deploy 000004-cd34');
    finish();
    await ended;
  });
});

describe('abort', () => {
  it('has the operation go back, says who asked, and ends with 130', async () => {
    const { connecting, ended } = await running();
    const app = { lockStatus: async () => held };
    const parts = { connectToRunner: connecting(() => {}) };
    const { exitCode, err } = await run(['abort'], { app, parts });
    expect(exitCode).toBe(130);
    expect(err).toMatch(/^aborting deploy 000004-cd34 of omar@web/);
    expect(err).toMatch(/^kaleem-deploy abort by \S+@\S+: aborting and rolling back; this ends by itself$/m);
    expect(err).toContain('error: v2 was interrupted\n');
    await ended;
  });
});

describe('a runner', () => {
  it('goes on without its front', async () => {
    const { front, connecting, finish, ended } = await running();
    front.destroy();
    const app = { lockStatus: async () => held };
    expect(await run(['attach'], { app, parts: { connectToRunner: connecting(finish) } })).toMatchObject({
      exitCode: 0,
    });
    await ended;
  });

  it('is aborted by SIGTERM, not by a terminal that hangs up', async () => {
    const { connecting, signals, ended } = await running();
    const connectToRunner = connecting(() => {
      for (const name of ['SIGHUP', 'SIGTERM']) signals.emit(name);
    });
    const { exitCode, err } = await run(['attach'], {
      app: { lockStatus: async () => held },
      parts: { connectToRunner },
    });
    expect(exitCode).toBe(130);
    expect(err.match(/aborting/g)).toHaveLength(1);
    await ended;
    expect(signals.eventNames()).toEqual([]);
  });

  it('warns when nobody else can follow it, and does its work', async () => {
    const { said, finish, ended } = await running(new Error('no private folder'));
    finish();
    await ended;
    await expect.poll(said).toContain('`attach`, `abort` and `status` will not find this run: no private folder');
    await expect.poll(said).toContain('"exitCode":0');
  });
});

describe('status', () => {
  it('shows what runs now', async () => {
    const steps = [
      {
        title: 'back up the database',
        elapsedMs: 3_400,
        detail: 'collection users',
        bytes: { done: 12_000_000, total: 34_000_000 },
      },
      { title: 'pull', elapsedMs: 100, detail: null, bytes: null },
    ];
    const live = { operation: record.id, kind: 'deploy', elapsedMs: 12_000, aborting: true, steps };
    const { out } = await run(['status'], { app: { status: async () => ({ ...status, running: live }) } });
    expect(out).toContain(
      [
        'running: deploy 000003-ab12, 12.0s so far, aborting',
        '  ..  back up the database  3s  12 MB of 34 MB (35%)  collection users',
        '  ..  pull  0s\n',
      ].join('\n'),
    );
    expect(out).not.toContain('last operation');
  });
});
