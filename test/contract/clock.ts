import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/system/clock.ts';

/** What every Clock does, the system's and a test's. `pass` makes the time go by for one that needs telling. */
export const clockContract = (name: string, open: () => { clock: Clock; pass(ms: number): Promise<void> }): void => {
  describe(`${name} as a clock`, () => {
    it('sleeps for as long as it was told', async () => {
      const { clock, pass } = open();
      const started = clock.monotonic();
      const slept = clock.sleep(30);
      await pass(40);
      await slept;
      // Timers may fire a fraction of a millisecond early.
      expect(clock.monotonic() - started).toBeGreaterThanOrEqual(29);
    });

    it('is not done before', async () => {
      const { clock, pass } = open();
      const stop = new AbortController();
      let done = false;
      const slept = clock.sleep(60_000, stop.signal).then(() => {
        done = true;
      });
      await pass(20);
      expect(done).toBe(false);
      stop.abort(new Error('enough'));
      await expect(slept).rejects.toThrow('enough');
    });

    it('rejects with the reason of a signal that was aborted before', async () => {
      const { clock } = open();
      const reason = { any: 'thing' };
      await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it('sleeps no time at all for nought or less', async () => {
      const { clock, pass } = open();
      const slept = Promise.all([clock.sleep(0), clock.sleep(-5)]);
      await pass(0);
      await slept;
    });

    it('sleeps on for longer than one timer can take', async () => {
      const { clock, pass } = open();
      const stop = new AbortController();
      let done = false;
      const slept = clock.sleep(2 ** 40, stop.signal).then(() => {
        done = true;
      });
      await pass(20);
      expect(done).toBe(false);
      stop.abort(new Error('enough'));
      await expect(slept).rejects.toThrow('enough');
    });

    it('never goes backwards, and its wall clock moves on too', async () => {
      const { clock, pass } = open();
      const [before, wall] = [clock.monotonic(), clock.now().getTime()];
      await pass(10);
      expect(clock.monotonic()).toBeGreaterThan(before);
      expect(clock.now().getTime()).toBeGreaterThan(wall);
    });
  });
};
