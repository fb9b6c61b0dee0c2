import { describe, expect, test } from 'vitest';
import type { ContainerState } from '../../../src/compose/engine.ts';
import { containerGate } from '../../../src/health/container.ts';
import { createHopelessWatch, hopelessReason } from '../../../src/health/hopeless.ts';
import { watchStability } from '../../../src/health/stability.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { base, containerState, context, NEW, OLD, tryGate } from './support.ts';

const spec = { ...base, type: 'container', service: 'api' } as const;

describe('container gate', () => {
  const check = (
    containers: readonly ContainerState[],
    baseline: { restartCount: number; startedAt: string } | null = { restartCount: 0, startedAt: '' },
  ) =>
    tryGate(
      containerGate(
        spec,
        context({ container: async () => containers, plannedImageId: () => NEW, baseline: () => baseline }),
      ),
    );

  test.each<[string, Partial<ContainerState>, string]>([
    ['no health check', {}, 'running'],
    ['a good health check', { health: 'healthy' }, 'running and healthy'],
  ])('passes with %s', async (_name, state, detail) => {
    expect(await check([containerState(state)])).toEqual({ ok: true, detail });
  });

  test('passes when all of several are well', async () => {
    const containers = [
      containerState(),
      containerState({ id: 'c2', health: 'healthy' }),
      containerState({ oneOff: true, state: 'exited' }),
    ];
    expect(await check(containers)).toEqual({ ok: true, detail: '2 containers running' });
  });

  test.each<[string, Partial<ContainerState>, string]>([
    ['unhealthy', { health: 'unhealthy' }, 'kaleem-api-1 is running, its health check says unhealthy'],
    ['starting', { health: 'starting' }, 'kaleem-api-1 is running, its health check says starting'],
    ['created', { state: 'created' }, 'kaleem-api-1 is created'],
    ['paused', { state: 'paused' }, 'kaleem-api-1 is paused'],
    [
      'exited',
      { state: 'exited', exitCode: 137, oomKilled: true },
      'kaleem-api-1 has stopped (exit code 137, out of memory)',
    ],
    [
      'restarting',
      { state: 'restarting', exitCode: 1, restartCount: 3 },
      'kaleem-api-1 is restarting (3 restarts, last exit code 1)',
    ],
    ['restarted once', { restartCount: 1, exitCode: 1 }, 'kaleem-api-1 restarted once (last exit code 1)'],
    ['restarted often', { restartCount: 4, exitCode: 2 }, 'kaleem-api-1 restarted 4 times (last exit code 2)'],
  ])('fails when %s', async (_name, state, detail) => {
    expect(await check([containerState({ id: 'c0' }), containerState(state)])).toEqual({ ok: false, detail });
  });

  test('fails with the old image', async () => {
    const result = await check([containerState({ imageId: OLD })]);
    expect(result.ok).toBe(false);
    expect(result.detail).toContain('not the planned bbbbbbbbbbbb');
  });

  test('fails without a container', async () => {
    expect(await check([])).toEqual({ ok: false, detail: 'api has no container' });
  });

  test('restarts before the baseline do not count', async () => {
    const baseline = { restartCount: 5, startedAt: '' };
    expect(await check([containerState({ restartCount: 5 })], baseline)).toMatchObject({ ok: true });
    expect(await check([containerState({ restartCount: 6 })], baseline)).toMatchObject({ ok: false });
    // A new container counts from nought.
    expect(await check([containerState({ restartCount: 1 })], baseline)).toMatchObject({ ok: false });
  });

  test('without a baseline a restart between two looks fails the second', async () => {
    let restartCount = 7;
    const gate = containerGate(spec, context({ container: async () => [containerState({ restartCount })] }));
    expect(await tryGate(gate)).toMatchObject({ ok: true });
    restartCount = 8;
    expect(await tryGate(gate)).toMatchObject({ ok: false, detail: 'kaleem-api-1 restarted once (last exit code 0)' });
    expect(await tryGate(gate)).toMatchObject({ ok: true });
  });

  test('an engine that does not answer does not hold the try up', async () => {
    const gate = containerGate(spec, context({ container: () => new Promise(() => {}) }));
    expect(await tryGate(gate, 50)).toEqual({ ok: false, detail: 'deadline: no answer within 50 ms' });
  });
});

describe('hopelessReason', () => {
  const reason = (state: Partial<ContainerState>, before: number | null = 0) =>
    hopelessReason([containerState({ id: 'well' }), containerState(state)], () => before);

  test.each<[string, Partial<ContainerState>, string]>([
    [
      'two restarts are a crash loop',
      { restartCount: 2, exitCode: 1, restartPolicy: 'always' },
      'crash loop: kaleem-api-1 restarted 2 times (last exit code 1)',
    ],
    [
      'killed for its memory',
      { restartCount: 3, exitCode: 137, oomKilled: true, restartPolicy: 'unless-stopped' },
      'crash loop: kaleem-api-1 restarted 3 times (last exit code 137, out of memory)',
    ],
    ['exited and not restarted', { state: 'exited', exitCode: 1 }, 'kaleem-api-1 has stopped (exit code 1)'],
    ['exited with 0, though it should run', { state: 'exited' }, 'kaleem-api-1 has stopped (exit code 0)'],
    ['dead', { state: 'dead', restartPolicy: 'always' }, 'kaleem-api-1 has stopped (exit code 0)'],
    [
      'on-failure after a good end',
      { state: 'exited', restartPolicy: 'on-failure' },
      'kaleem-api-1 has stopped (exit code 0)',
    ],
    [
      'on-failure with its restarts used up',
      { state: 'exited', exitCode: 3, restartPolicy: 'on-failure:1', restartCount: 1 },
      'kaleem-api-1 has stopped (exit code 3)',
    ],
  ])('%s', (_name, state, expected) => {
    expect(reason(state)).toBe(expected);
  });

  test.each<[string, Partial<ContainerState>, number | null]>([
    ['all is well', {}, 0],
    ['one restart may be a late start', { restartCount: 1, state: 'restarting', restartPolicy: 'always' }, 0],
    ['old restarts', { restartCount: 9 }, 8],
    ['restarts of which nothing is known', { restartCount: 9 }, null],
    ['created', { state: 'created' }, 0],
    ['the engine will start it again', { state: 'exited', exitCode: 1, restartPolicy: 'always' }, 0],
    ['or this one', { state: 'exited', exitCode: 1, restartPolicy: 'unless-stopped' }, 0],
    ['or this one, without a limit', { state: 'exited', exitCode: 1, restartPolicy: 'on-failure' }, 0],
    [
      'or this one, below its limit',
      { state: 'exited', exitCode: 1, restartPolicy: 'on-failure:5', restartCount: 1 },
      0,
    ],
    ['or this one, whose limit of 0 is none', { state: 'exited', exitCode: 1, restartPolicy: 'on-failure:0' }, 0],
  ])('waits on: %s', (_name, state, before) => {
    expect(reason(state, before)).toBeNull();
  });
});

describe('createHopelessWatch', () => {
  const watch = (baseline: number | null = 0) => {
    const clock = createFakeClock();
    let state: Partial<ContainerState> | null = {};
    const ask = createHopelessWatch({
      containers: async () => (state === null ? [] : [containerState(state)]),
      services: [containerState({}).service],
      baseline: () => baseline,
      clock,
    });
    return {
      clock,
      async ask(next: Partial<ContainerState> | null) {
        state = next;
        return ask();
      },
    };
  };

  test('a stopped container has a second to be started, a crash loop has none', async () => {
    const { clock, ask } = watch();
    expect(await ask({ state: 'exited', exitCode: 1 })).toBeNull();
    await clock.sleep(999);
    expect(await ask({ state: 'exited', exitCode: 1 })).toBeNull();
    await clock.sleep(1);
    expect(await ask({ state: 'exited', exitCode: 1 })).toBe('kaleem-api-1 has stopped (exit code 1)');
    expect(await ask({ restartCount: 2 })).toContain('crash loop');
  });

  test('a container that somebody removed is not waited for, one that is being replaced is', async () => {
    const { clock, ask } = watch();
    expect(await ask(null)).toBeNull();
    await clock.sleep(1000);
    expect(await ask({})).toBeNull();
    expect(await ask(null)).toBeNull();
    await clock.sleep(1000);
    expect(await ask(null)).toBe(`${containerState({}).service} has no container`);
  });

  test('one that was started in between begins anew', async () => {
    const { clock, ask } = watch();
    await ask({ state: 'exited' });
    await clock.sleep(1000);
    expect(await ask({})).toBeNull();
    await clock.sleep(1000);
    expect(await ask({ state: 'exited' })).toBeNull();
  });

  test('without a baseline it counts from its first look', async () => {
    const { ask } = watch(null);
    expect(await ask({ restartCount: 40 })).toBeNull();
    expect(await ask({ restartCount: 41 })).toBeNull();
    expect(await ask({ restartCount: 42 })).toContain('crash loop: kaleem-api-1 restarted 2 times');
  });
});

describe('watchStability', () => {
  /** What the look at a time sees; from 0 on each entry holds until the next. */
  const watchOver = async (timeline: readonly [number, readonly Partial<ContainerState>[]][], stabilityMs = 3000) => {
    const clock = createFakeClock();
    const containers = async () => {
      const [, now = []] = timeline.findLast(([at]) => at <= clock.monotonic()) ?? [];
      return now.map((state) => containerState(state));
    };
    const problem = await watchStability({ containers, stabilityMs, clock, signal: new AbortController().signal });
    return { problem, elapsed: clock.monotonic() };
  };

  test('nothing happens: null after exactly the window', async () => {
    expect(await watchOver([[0, [{ health: 'healthy' }]]])).toEqual({ problem: null, elapsed: 3000 });
    expect(await watchOver([[0, [{}]]], 700)).toEqual({ problem: null, elapsed: 700 });
    expect(await watchOver([[0, [{}]]], 0)).toEqual({ problem: null, elapsed: 0 });
  });

  test.each<[string, Partial<ContainerState>, Partial<ContainerState> | null, string]>([
    ['a restart', {}, { restartCount: 1, exitCode: 1 }, 'kaleem-api-1 was restarted (last exit code 1)'],
    ['a start by hand', {}, { startedAt: '2026-01-01T00:00:09Z' }, 'kaleem-api-1 was restarted (last exit code 0)'],
    [
      'an exit',
      {},
      { state: 'exited', exitCode: 137, oomKilled: true },
      'kaleem-api-1 has stopped (exit code 137, out of memory)',
    ],
    [
      'a health check that fails',
      { health: 'healthy' },
      { health: 'unhealthy' },
      'the health check of kaleem-api-1 says unhealthy',
    ],
    [
      'a health check that starts over',
      { health: 'healthy' },
      { health: 'starting' },
      'the health check of kaleem-api-1 says starting',
    ],
    [
      'a first health check that fails',
      { health: 'starting' },
      { health: 'unhealthy' },
      'the health check of kaleem-api-1 says unhealthy',
    ],
    ['a container that is gone', {}, null, 'kaleem-api-1 is gone'],
    ['a container replaced by another', {}, { id: 'c2' }, 'kaleem-api-1 is gone'],
  ])('%s is told at once', async (_name, before, after, problem) => {
    const { problem: told, elapsed } = await watchOver([
      [0, [before]],
      [1200, after === null ? [] : [after]],
    ]);
    expect(told).toBe(`not stable for 3 s: ${problem}`);
    expect(elapsed).toBe(1500);
  });

  test('the last moment of the window counts', async () => {
    expect(
      (
        await watchOver([
          [0, [{}]],
          [3000, [{ restartCount: 1 }]],
        ])
      ).problem,
    ).toContain('was restarted');
  });

  test('a first health check that succeeds meanwhile is fine', async () => {
    expect(
      (
        await watchOver([
          [0, [{ health: 'starting' }]],
          [1000, [{ health: 'healthy' }]],
        ])
      ).problem,
    ).toBeNull();
  });

  test('one that is down from the start is told at the first look', async () => {
    expect(await watchOver([[0, [{ state: 'restarting', restartCount: 2 }]]])).toEqual({
      problem: 'not stable for 3 s: kaleem-api-1 is restarting (2 restarts, last exit code 0)',
      elapsed: 0,
    });
  });

  test('Ctrl-C ends it, also while the engine hangs', async () => {
    const reason = new Error('interrupted');
    for (const containers of [async () => [containerState()], () => new Promise<ContainerState[]>(() => {})]) {
      const clock = createFakeClock();
      const controller = new AbortController();
      void clock.sleep(700).then(() => controller.abort(reason));
      await expect(watchStability({ containers, stabilityMs: 3000, clock, signal: controller.signal })).rejects.toBe(
        reason,
      );
      expect(clock.monotonic()).toBe(700);
    }
  });

  test('an engine that can not be asked is an error', async () => {
    const containers = () => Promise.reject(new Error('engine gone'));
    const watching = watchStability({
      containers,
      stabilityMs: 1,
      clock: createFakeClock(),
      signal: new AbortController().signal,
    });
    await expect(watching).rejects.toThrow('engine gone');
  });
});
