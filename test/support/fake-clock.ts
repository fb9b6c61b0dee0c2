import type { Clock } from '../../src/system/clock.ts';

/**
 * Virtual time for code whose waits all go through `Clock`. Whenever everything else has come to rest, time jumps to the
 * earliest sleeper, one at a time and in order, so that minutes of polling take no time and always go the same way. Not for code that
 * also waits for sockets, files or processes: to this clock they look like rest.
 */
export interface FakeClock extends Clock {
  /** How many sleeps are pending. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export const createFakeClock = (start = new Date('2026-01-01T00:00:00Z')): FakeClock => {
  let elapsedMs = 0;
  let scheduled = false;
  const sleepers = new Set<Sleeper>();

  const wakeEarliest = () => {
    scheduled = false;
    // Sets keep insertion order, and the sort is stable: of two with the same time the first comes first.
    const [next] = [...sleepers].sort((a, b) => a.at - b.at);
    if (next === undefined) return;
    sleepers.delete(next);
    elapsedMs = Math.max(elapsedMs, next.at);
    next.wake();
    schedule();
  };
  const schedule = () => {
    if (scheduled || sleepers.size === 0) return;
    scheduled = true;
    // An immediate runs only after every promise that can go on has done so.
    setImmediate(wakeEarliest);
  };

  return {
    now: () => new Date(start.getTime() + elapsedMs),
    monotonic: () => elapsedMs,
    get sleeping() {
      return sleepers.size;
    },
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          at: elapsedMs + Math.max(0, ms),
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        sleepers.add(sleeper);
        schedule();
      }),
  };
};
