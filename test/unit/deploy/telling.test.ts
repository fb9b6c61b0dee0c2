import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import type { Notifier, NotifierTarget, NotifyEvent } from '../../../src/config/notifier.ts';
import { backupVerify } from '../../../src/deploy/backups.ts';
import { notifyTest } from '../../../src/deploy/notify-test.ts';
import { inOperation, type What, type Work } from '../../../src/deploy/operate.ts';
import { recover } from '../../../src/deploy/recover.ts';
import { DeployError } from '../../../src/errors.ts';
import { readLockHolder } from '../../../src/operation/lock.ts';
import { freePort } from '../../support/free-port.ts';
import { answer, type Manner, manners, type Receiver, startReceiver } from '../../support/receiver.ts';
import { createWorld, failureOf, type World } from './world.ts';

let world: World;
let receiver: Receiver;
beforeEach(async () => {
  [world, receiver] = await Promise.all([createWorld({ running: false }), startReceiver()]);
});
afterEach(async () => {
  await Promise.all([world.remove(), receiver.stop()]);
});

const ALL: readonly NotifyEvent[] = [
  ...(['started', 'done', 'failed', 'rolled-back', 'interrupted', 'halted', 'recovered'] as const),
  ...(['backup-failed', 'backup-invalid', 'copy-failed', 'drill-failed'] as const),
];
const notifier = (target: NotifierTarget): Notifier => ({
  ...{ name: 'ops', type: target.type, target, problem: null },
  events: target.type === 'healthchecks' ? [] : ALL,
});
const webhook = (url = receiver.url): Notifier => notifier({ type: 'webhook', url, secret: 'open sesame' });
const ping = (): Notifier => notifier({ type: 'healthchecks', url: `${receiver.url}/uuid`, jobs: ['backup'] });

const telling = (...notify: readonly Notifier[]): Partial<Config> => ({ notify });

const operate = <T>(
  config: Partial<Config>,
  work: Partial<Work<string, T>>,
  what: Partial<What<string>> = {},
  session = world.another(config),
) =>
  inOperation(
    session,
    { kind: 'deploy', asked: 'v2', subject: (prepared: string) => prepared, previous: () => 'v1', ...what },
    {
      prepare: async () => 'v2',
      run: async () => {
        throw new DeployError('rolled-back', 'v2 failed', { hint: 'look' });
      },
      ...work,
    },
  );

interface Told {
  readonly event: string;
  readonly [key: string]: unknown;
}
const told = (): readonly Told[] => receiver.received.map(({ body }) => JSON.parse(body) as Told);

const isHeld = async (): Promise<boolean> => {
  const { engine, project } = world.context;
  return (await readLockHolder({ engineId: engine.id, project: project.name })).held;
};

describe('an operation', () => {
  test('is told when it has begun and when it is done', async () => {
    const result = await operate(telling(webhook()), { run: async () => 'fine' });
    expect(result).toBe('fine');
    const [operation] = await world.history();
    const common = { kind: 'deploy', subject: 'v2', previous: 'v1', operation: operation?.id, job: null, error: null };
    expect(told()).toMatchObject([
      { event: 'started', state: 'started', exitCode: null, ...common },
      { event: 'done', state: 'succeeded', exitCode: 0, project: world.context.project.name, ...common },
    ]);
    const [started, done] = told();
    expect(started?.run).toBe(done?.run);
    expect(started?.id).not.toBe(done?.id);
  });

  test('that failed is told with its error and exit code, once all is over', async () => {
    let free: boolean | null = null;
    let ended: unknown = null;
    receiver.behave(manners.ok, (response) => {
      Promise.all([isHeld(), world.history()]).then(([held, [operation]]) => {
        free = !held;
        ended = operation?.outcome;
        response.end();
      });
    });
    const error = await failureOf(operate(telling(webhook()), {}));
    expect(error.code).toBe('rolled-back');
    expect(told()[1]).toMatchObject({
      ...{ event: 'rolled-back', exitCode: 20, state: 'failed' },
      error: { code: 'rolled-back', message: 'v2 failed', hint: 'look' },
    });
    expect([free, ended]).toEqual([true, 'rolled-back']);
  });

  test('that was refused is told by what was typed', async () => {
    const prepare = async (): Promise<never> => {
      throw new DeployError('image-not-found', 'there is no v2');
    };
    expect((await failureOf(operate(telling(webhook()), { prepare }))).code).toBe('image-not-found');
    expect(told()).toMatchObject([{ event: 'failed', exitCode: 12, subject: 'v2', operation: null, previous: null }]);
  });

  test('of which nobody chose to hear is told to nobody', async () => {
    await operate(telling({ ...webhook(), events: ['halted'] }), { run: async () => {} });
    expect(told()).toEqual([]);
  });

  test('that somebody waits for is told with start and end, a ping each', async () => {
    const backup = { kind: 'backup', job: 'backup', subject: '' } as const;
    await operate(telling(ping()), { run: async () => {} }, backup);
    await failureOf(operate(telling(ping()), {}, backup));
    await operate(telling(ping()), { run: async () => {} }, { ...backup, job: null });
    expect(receiver.received.map(({ path }) => path.replace(/\?rid=[0-9a-f-]{36}$/, ''))).toEqual([
      ...['/uuid/start', '/uuid', '/uuid/start', '/uuid/fail'],
    ]);
    const rids = receiver.received.map(({ path }) => path.split('=')[1]);
    expect(rids[0]).toBe(rids[1]);
    expect(rids[1]).not.toBe(rids[2]);
  });

  test('shows no secret in what is told', async () => {
    const session = world.another(telling(webhook()));
    session.options.redactor.add('hunter2222');
    const run = async (): Promise<never> => {
      throw new DeployError('rolled-back', 'login with hunter2222 failed', {
        hint: 'echo hunter2222',
        details: ['what the container said is told to nobody'],
      });
    };
    await failureOf(operate({}, { run }, {}, session));
    expect(told()[1]).toMatchObject({ error: { message: 'login with [redacted] failed', hint: 'echo [redacted]' } });
    for (const { body } of receiver.received) expect(body).not.toMatch(/hunter2222|what the container said/);
  });
});

describe('a notifier that is', () => {
  const behaving = (manner: Manner) => async (): Promise<Partial<Config>> => {
    receiver.behave(manner);
    return telling(webhook());
  };
  const cases: readonly (readonly [string, () => Promise<Partial<Config>>])[] = [
    ['down', async () => telling(webhook(`http://127.0.0.1:${await freePort()}`))],
    ['erroring', behaving(answer(500))],
    ['refusing', behaving(answer(404))],
    ['cut off', behaving(manners.hangUp)],
    ['without its secret', async () => telling({ ...webhook(), target: null, problem: 'it has none' })],
  ];
  test.each(cases)('%s changes nothing but a warning', async (what, configure) => {
    const config = await configure();
    let fencedMs = 0;
    const run = async (): Promise<string> => {
      const began = performance.now();
      await new Promise((done) => setTimeout(done, 20));
      fencedMs = performance.now() - began;
      return 'fine';
    };
    expect(await operate(config, { run })).toBe('fine');
    expect(fencedMs).toBeLessThan(2_000);
    const { code } = await failureOf(operate(config, {}));
    expect(code).toBe('rolled-back');
    expect((await world.history()).map(({ outcome }) => outcome)).toEqual(['rolled-back', 'succeeded']);
    const warned = world.warnings.filter((line) => line.startsWith('ops (webhook) was not told'));
    expect(warned).toHaveLength(what === 'without its secret' ? 0 : 4);
    expect(warned.join()).not.toContain('open sesame');
  });

  test('slow delays nothing but the end, by 10 seconds at most', async () => {
    receiver.behave(manners.silent);
    const began = performance.now();
    let done = 0;
    const run = async (): Promise<void> => {
      done = performance.now() - began;
    };
    await operate(telling(webhook(), { ...webhook(), name: 'second' }), { run });
    const whole = performance.now() - began;
    expect(done).toBeLessThan(2_000);
    expect(whole - done).toBeGreaterThan(9_000);
    expect(whole - done).toBeLessThan(11_500);
    expect(await isHeld()).toBe(false);
    expect(world.warnings.filter((line) => line.includes('was not told "done": there was no more time'))).toHaveLength(
      2,
    );
  });

  test('slow is not waited for after Ctrl-C', async () => {
    receiver.behave(manners.silent);
    const session = world.another(telling({ ...webhook(), events: ['done'] }));
    const working = operate({}, { run: async () => 'fine' }, {}, session);
    await receiver.until(1);
    const began = performance.now();
    world.abort();
    expect(await working).toBe('fine');
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('an operation that died', () => {
  const die = async (): Promise<void> => {
    // The disk is full before it can say how it ended.
    await failureOf(
      operate(
        {},
        {
          run: async () => {
            world.fillDisk();
            return 'fine';
          },
        },
        { kind: 'backup', subject: 'b' },
      ),
    );
  };

  test('is told as recovered by the one that recovers it', async () => {
    await die();
    // The disk has room again.
    world.another();
    const session = world.afterDeath();
    const config = { ...session.options.config, ...telling(webhook()) };
    await recover({ ...session, options: { ...session.options, config } }, { accept: false });
    expect(told()).toMatchObject([
      { event: 'recovered', kind: 'backup', subject: 'b', state: 'failed', summary: expect.stringContaining('backup') },
    ]);
  });
});

describe('a verification', () => {
  const verify = (which: 'all' | 'one') => {
    const request = which === 'all' ? { which } : { which, backup: '000001-v1' };
    const waits = {
      ...ping(),
      target: { type: 'healthchecks', url: `${receiver.url}/uuid`, jobs: ['verify'] },
    } as const;
    const session = world.another(telling(webhook(), waits));
    return backupVerify(session, { identity: null, ...request });
  };
  const damaged = async (): Promise<void> => {
    const folder = join(world.directory, 'backups');
    await mkdir(folder);
    await writeFile(join(folder, '000001-v1.archive.gz'), 'this is no archive');
  };
  const paths = (): readonly string[] => receiver.received.map(({ path }) => path.split('?')[0] ?? '').sort();

  test('that finds a bad backup is told', async () => {
    await damaged();
    expect(await verify('all')).toMatchObject({ good: [], bad: [{ id: '000001-v1' }] });
    expect(paths()).toEqual(['/', '/uuid/fail', '/uuid/start']);
    const sent = receiver.received.find(({ path }) => path === '/');
    expect(JSON.parse(sent?.body ?? '')).toMatchObject({
      ...{ event: 'backup-invalid', kind: 'verify', state: 'failed', exitCode: 31 },
      error: { message: expect.stringMatching(/^1 of 1 backups did not verify; 000001-v1: /) },
    });
  });

  test('that could not be done is told as failed', async () => {
    expect((await failureOf(verify('all'))).code).toBe('not-found');
    expect(paths()).toEqual(['/', '/uuid/fail', '/uuid/start']);
  });

  test('of one that somebody named is between them', async () => {
    await damaged();
    expect((await failureOf(verify('one'))).code).toBe('backup-invalid');
    expect(paths()).toEqual([]);
  });
});

describe('notify test', () => {
  const testEach = (name: string | null, ...notify: readonly Notifier[]) =>
    notifyTest(world.another(telling(...notify)), name);

  test('says how it went for each', async () => {
    const down = { ...webhook(`http://127.0.0.1:${await freePort()}`), name: 'down' };
    const off = { ...webhook(), name: 'off', target: null, problem: 'X is not set' };
    const report = await testEach(null, webhook(), down, off, { ...ping(), name: 'nightly' });
    expect(report).toMatchObject({
      ok: false,
      notifiers: [
        { name: 'ops', problem: null },
        { name: 'down', problem: expect.stringContaining('connection refused') },
        { name: 'off', problem: 'X is not set' },
        { name: 'nightly', problem: null },
      ],
    });
    // A real check is not touched by a test.
    expect(receiver.received.map(({ path }) => path.split('?')[0]).sort()).toEqual(['/', '/uuid/log']);
  });

  test('asks one by its name, and refuses one that is not there', async () => {
    expect(await testEach('ops', webhook(), { ...webhook(), name: 'other' })).toMatchObject({ ok: true });
    expect(receiver.received).toHaveLength(1);
    expect(await failureOf(testEach('nobody', webhook()))).toMatchObject({ code: 'not-found', hint: 'there are: ops' });
    expect((await failureOf(testEach(null))).code).toBe('not-found');
  });
});
