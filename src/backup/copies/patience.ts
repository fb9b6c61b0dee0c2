import type { Clock } from '../../system/clock.ts';
import { spread } from '../../system/spread.ts';
import { isFailure, PlaceFailure } from './failure.ts';

/** How long a place is waited for, and how often it is asked again. */
export interface Patience {
  /** Until there is a connection that may be used. */
  readonly connectMs: number;
  /** Without any sign of life, while something is under way. */
  readonly silenceMs: number;
  /** Tries without any progress between them. */
  readonly attempts: number;
  /** Before the second try; doubled before each further one. */
  readonly pauseMs: number;
}

export const PATIENCE: Patience = { connectMs: 20_000, silenceMs: 60_000, attempts: 5, pauseMs: 1_000 };

/** What everything at a place stands on. */
export interface PlaceWorld {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly patience: Patience;
}

/** Waits for `work` as long as `ms`, or until the signal is aborted; then the caller ends what is still under way. */
export const inTime = async <T>(
  { signal }: Pick<PlaceWorld, 'signal'>,
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> => {
  // Whoever gave up does not wait for its failure.
  work.catch(() => {});
  signal.throwIfAborted();
  let end = (): void => {};
  const over = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const timer = setTimeout(
      () => reject(new PlaceFailure('unreachable', `${what}: no answer within ${Math.round(ms / 1000)} s`)),
      ms,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    end();
  }
};

/** Waits before the next try; throws the failure when another one is of no use. */
const pauseAfter = async (error: unknown, failures: number, world: PlaceWorld): Promise<void> => {
  const { clock, signal, patience } = world;
  signal.throwIfAborted();
  if (!isFailure(error, 'unreachable') || failures >= patience.attempts) throw error;
  await clock.sleep(spread(patience.pauseMs * 2 ** (failures - 1)), signal);
};

/** Tries again when the connection was lost. Tries count from where `reached` last grew. */
export const persist = async <T>(
  world: PlaceWorld,
  run: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> => {
  let failures = 0;
  let last = reached();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      failures = reached() > last ? 1 : failures + 1;
      last = reached();
      await pauseAfter(error, failures, world);
    }
  }
};

/** The bytes of a file of that length, read on from where a lost connection left off. */
export async function* resuming(
  world: PlaceWorld,
  bytes: number,
  open: (from: number) => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let at = 0;
  let failures = 0;
  while (at < bytes) {
    try {
      for await (const chunk of open(at)) {
        failures = 0;
        at += chunk.length;
        if (at > bytes) throw new PlaceFailure('failed', `it is longer than the ${bytes} bytes it was listed with`);
        yield chunk;
      }
      if (at < bytes) throw new PlaceFailure('failed', `it ends after ${at} of ${bytes} bytes`);
    } catch (error) {
      failures += 1;
      await pauseAfter(error, failures, world);
    }
  }
}
