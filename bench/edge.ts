// What a visitor of the edge gets while a deploy goes on: for how long nothing.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../test/support/asking.ts';

/** A question that only the api can answer, and that costs the servers next to nothing. */
const PATH = '/api/version';
const EVERY_MS = 20;
/** Unanswered questions after which no more are asked: a server that is slow must not be made slower. */
const MOST_WAITING = 20;
const PATIENCE_MS = 120_000;

/**
 * Asks every 20 ms over a new connection, whether or not the question before was answered, from the first answer until one after
 * the end of the work. What is not answered with 200 by the api is not answered. Resolves to what the work did and the longest time
 * without an answer, in milliseconds.
 */
export const whileVisiting = async <T>(
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly longestMs: number }> => {
  const port = Number(new URL(url).port);
  let lastMs: number | null = null;
  let longestMs = 0;
  let over = false;
  let waiting = 0;
  const one = async () => {
    waiting += 1;
    const answer = await ask(port, PATH);
    waiting -= 1;
    if (answer?.status !== 200 || answer.version === null) return;
    const now = performance.now();
    if (lastMs !== null) longestMs = Math.max(longestMs, now - lastMs);
    lastMs = now;
  };
  const asking = (async () => {
    while (!over) {
      if (waiting < MOST_WAITING) void one();
      await sleep(EVERY_MS);
    }
  })();
  /** Until there is one that comes from now on. */
  const anAnswer = async () => {
    const since = performance.now();
    while (lastMs === null || lastMs <= since) {
      signal.throwIfAborted();
      if (performance.now() - since > PATIENCE_MS) throw new Error(`${url} does not answer`);
      await sleep(EVERY_MS);
    }
  };
  try {
    await anAnswer();
    const done = await work();
    await anAnswer();
    return { done, longestMs };
  } finally {
    over = true;
    await asking;
  }
};
