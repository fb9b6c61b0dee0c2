import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/system/clock.ts';
import { clockContract } from '../../contract/clock.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

clockContract('the fake one', () => {
  const clock = createFakeClock();
  return { clock, pass: (ms) => clock.sleep(ms) };
});

describe.each([
  ['fake', () => createFakeClock()],
  ['system', () => systemClock],
])('the %s clock', (_name, create) => {
  test('wakes shorter sleepers first, whatever order they began in', async () => {
    const clock = create();
    const order: number[] = [];
    await Promise.all([60, 20, 40].map((ms) => clock.sleep(ms).then(() => order.push(ms))));
    expect(order).toEqual([20, 40, 60]);
  });

  test('does not mind a signal that is aborted after the sleep', async () => {
    const controller = new AbortController();
    await create().sleep(5, controller.signal);
    controller.abort();
  });
});

test('the fake clock passes hours in no time', async () => {
  const clock = createFakeClock(new Date('2026-02-03T00:00:00Z'));
  const started = performance.now();
  await clock.sleep(3_600_000);
  expect(clock.monotonic()).toBe(3_600_000);
  expect(clock.now().toISOString()).toBe('2026-02-03T01:00:00.000Z');
  expect(performance.now() - started).toBeLessThan(1000);
});

test('the fake clock counts who sleeps, and forgets the aborted', async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const sleep = clock.sleep(1000, controller.signal);
  expect(clock.sleeping).toBe(1);
  controller.abort(new Error('stop'));
  await expect(sleep).rejects.toThrow('stop');
  expect(clock.sleeping).toBe(0);
});
