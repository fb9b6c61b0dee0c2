import { describe, expect, test } from 'vitest';
import { type Attempt, withRegistryRetry } from '../../../src/compose/registry-retry.ts';
import type { Clock } from '../../../src/system/clock.ts';

/** A clock that only notes how long it was to sleep. */
const notingClock = () => {
  const slept: number[] = [];
  const clock: Clock = {
    now: () => new Date(0),
    monotonic: () => 0,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
  return { clock, slept };
};

const answering = (...said: readonly string[]) => {
  let at = 0;
  const attempt = async (): Promise<Attempt<string>> => {
    const next = said[Math.min(at, said.length - 1)] ?? '';
    at += 1;
    return next === 'ok' ? { ok: true, value: 'digest' } : { ok: false, said: next };
  };
  return { attempt, tries: () => at };
};

const run = async (said: readonly string[], random = 1, signal?: AbortSignal) => {
  const { clock, slept } = notingClock();
  const { attempt, tries } = answering(...said);
  const reference = 'ghcr.io/o/app:v9';
  const outcome = await withRegistryRetry(attempt, { reference, clock, signal, random: () => random }).catch(
    (error) => error,
  );
  return { outcome, slept, tries: tries() };
};

describe('a failure that can heal', () => {
  test('is tried again until it works', async () => {
    expect(await run(['i/o timeout', 'unexpected EOF', 'ok'])).toEqual({
      outcome: 'digest',
      slept: [500, 1000],
      tries: 3,
    });
  });

  test('is given up after 6 tries, with doubling waits and the last words', async () => {
    const { outcome, slept, tries } = await run(['connect: connection refused']);
    expect(tries).toBe(6);
    expect(slept).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(outcome).toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringMatching(/ghcr\.io.*tried 6 times.*refused/),
    });
  });

  test('waits between half and all of its turn', async () => {
    expect((await run(['EOF', 'ok'], 0)).slept).toEqual([250]);
  });

  test('waits as long as the registry asks, and gives up when that is over a minute', async () => {
    expect((await run(['toomanyrequests: retry-after: 30s', 'ok'])).slept).toEqual([30_500]);
    const { outcome, tries } = await run(['toomanyrequests: retry-after: 300s', 'ok']);
    expect(tries).toBe(1);
    expect(outcome).toMatchObject({
      code: 'registry-unreachable',
      hint: expect.stringContaining('docker login ghcr.io'),
    });
  });

  test('an abort ends it with its reason', async () => {
    const reason = new Error('stop');
    expect((await run(['EOF'], 1, AbortSignal.abort(reason))).outcome).toBe(reason);
  });
});

test.each([
  ['manifest unknown', 'image-not-found', /ghcr\.io\/o\/app:v9/, /v9 was pushed to ghcr\.io\/o\/app/],
  ['denied', 'registry-denied', /ghcr\.io refuses/, /docker login ghcr\.io/],
  ['no matching manifest for linux/arm64/v8', 'wrong-architecture', /arm64/, /buildx/],
  ['no space left on device', 'disk-full', /ghcr\.io\/o\/app:v9/, /system df/],
  ['x509: unknown authority', 'pull-failed', /x509/, /docker pull ghcr\.io/],
])('%s is not tried again: %s', async (said, code, message, hint) => {
  const { outcome, slept } = await run([`Error response from daemon: ${said}`]);
  expect(slept).toEqual([]);
  expect(outcome).toMatchObject({ code, message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
});
