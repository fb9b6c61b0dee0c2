import { describe, expect, test } from 'vitest';
import type { Gate, GateResult } from '../../../src/health/gate.ts';
import { checkGatesOnce, type GateReport, nextWait, pollGates } from '../../../src/health/poll.ts';
import type { Clock } from '../../../src/system/clock.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;
const defaults = { attempts: 10, intervalMs: 20_000, timeoutMs: 5000 };

/** A gate that notes when it is tried and answers by the clock. */
const timedGate = (
  clock: Clock,
  check: (at: number, signal: AbortSignal) => GateResult | Promise<GateResult>,
  settings: Partial<Gate> = {},
) => {
  const triedAt: number[] = [];
  const gate: Gate = {
    name: 'api',
    ...defaults,
    ...settings,
    async check(signal) {
      triedAt.push(clock.monotonic());
      return check(clock.monotonic(), signal);
    },
  };
  return { gate, triedAt };
};

const pass: GateResult = { ok: true, detail: '200' };
const refused: GateResult = { ok: false, detail: 'connection refused' };
const from = (ms: number) => (at: number) => (at >= ms ? pass : refused);

const pollOne = async (gate: Gate, clock: Clock): Promise<GateReport> => {
  const [report] = await pollGates([gate], { clock, signal: never });
  if (report === undefined) throw new Error('no report');
  return report;
};

describe('one gate', () => {
  test('passes at the first try without waiting', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, () => pass);
    expect(await pollOne(gate, clock)).toEqual({
      gate: 'api',
      ok: true,
      attempts: 1,
      elapsedMs: 0,
      detail: '200',
      stoppedEarly: false,
    });
    expect(clock.sleeping).toBe(0);
  });

  test('is polled quickly at first: a service up after a second is seen within two', async () => {
    const clock = createFakeClock();
    const { gate, triedAt } = timedGate(clock, from(1000));
    const report = await pollOne(gate, clock);
    expect(triedAt).toEqual([0, 100, 300, 700, 1500]);
    expect(report).toMatchObject({ ok: true, attempts: 1, elapsedMs: 1500 });
  });

  test('waits double up to the interval, and only tries an interval apart count as attempts', async () => {
    const clock = createFakeClock();
    const { gate, triedAt } = timedGate(clock, from(60_000));
    const report = await pollOne(gate, clock);
    expect(triedAt).toEqual([0, 100, 300, 700, 1500, 3100, 6300, 12_700, 25_500, 45_500, 65_500]);
    expect(report).toMatchObject({ ok: true, attempts: 4 });
  });

  test('fails once attempts x interval are used up, with its last answer and no attempt too many', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, (at) => ({ ok: false, detail: `503 at ${at > 150_000 ? 'the end' : 'first'}` }));
    const report = await pollOne(gate, clock);
    expect(report).toMatchObject({
      ok: false,
      attempts: 10,
      stoppedEarly: false,
      detail: '503 at the end (after 200 s)',
    });
    expect(report.elapsedMs).toBeGreaterThan(199_800);
    expect(report.elapsedMs).toBeLessThanOrEqual(200_000);
  });

  test('sees what comes up in the last seconds of the budget', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, from(199_000));
    expect(await pollOne(gate, clock)).toMatchObject({ ok: true });
  });

  test('a short budget still polls more than once', async () => {
    const clock = createFakeClock();
    const { gate, triedAt } = timedGate(clock, from(500), { attempts: 1, intervalMs: 1000 });
    expect(await pollOne(gate, clock)).toMatchObject({ ok: true, attempts: 1 });
    expect(triedAt.length).toBeGreaterThan(2);
  });

  test('a budget of nothing is one try', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, () => pass, { attempts: 1, intervalMs: 0 });
    expect(await pollOne(gate, clock)).toMatchObject({ ok: true, attempts: 1 });
  });

  test('a hang is cut at the deadline of the try, and tried again', async () => {
    const clock = createFakeClock();
    const { gate, triedAt } = timedGate(clock, (at, signal) => (at < 5000 ? hangUntilAborted(signal) : pass));
    expect(await pollOne(gate, clock)).toMatchObject({ ok: true });
    expect(triedAt).toEqual([0, 5100]);
  });

  test('a gate that ignores its signal is left behind', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, () => new Promise<GateResult>(() => {}), { attempts: 2, intervalMs: 3000 });
    expect(await pollOne(gate, clock)).toMatchObject({ ok: false, detail: 'no answer within 5 s (after 6 s)' });
  });

  test('an answer after the deadline is no pass', async () => {
    const clock = createFakeClock();
    const late = async () => {
      await clock.sleep(1050);
      return pass;
    };
    const { gate } = timedGate(clock, late, { attempts: 1, intervalMs: 1500, timeoutMs: 1000 });
    expect(await pollOne(gate, clock)).toMatchObject({ ok: false, detail: 'no answer within 1 s (after 1.5 s)' });
  });

  test('a last try cut by the end of the budget does not hide the answer before it', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, (at, signal) => (at === 0 ? refused : hangUntilAborted(signal)), {
      attempts: 1,
      intervalMs: 1000,
    });
    expect(await pollOne(gate, clock)).toMatchObject({ detail: 'connection refused (after 1 s)' });
  });

  test('a gate that throws has failed that try', async () => {
    const clock = createFakeClock();
    const broken = (at: number) => {
      if (at === 0) throw new Error('broken gate');
      return refused;
    };
    const { gate } = timedGate(clock, broken, { attempts: 1, intervalMs: 150 });
    expect(await pollOne(gate, clock)).toMatchObject({ ok: false, detail: 'connection refused (after 150 ms)' });
    const { gate: always } = timedGate(clock, () => Promise.reject(new Error('broken gate')), {
      attempts: 1,
      intervalMs: 150,
    });
    expect(await pollOne(always, clock)).toMatchObject({ ok: false, detail: 'broken gate (after 150 ms)' });
  });
});

describe('several gates', () => {
  test('run side by side and are reported in their own order', async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    const slow = timedGate(clock, from(6000), { name: 'slow' });
    const quick = timedGate(clock, from(100), { name: 'quick' });
    const reports = await pollGates([slow.gate, quick.gate], {
      clock,
      signal: never,
      onResult: ({ gate }) => seen.push(gate),
    });
    expect(reports.map(({ gate, ok }) => [gate, ok])).toEqual([
      ['slow', true],
      ['quick', true],
    ]);
    expect(seen).toEqual(['quick', 'slow']);
    expect(clock.monotonic()).toBe(6300);
  });

  test('no gates: nothing to wait for', async () => {
    expect(await pollGates([], { clock: createFakeClock(), signal: never })).toEqual([]);
  });

  test('when one has failed for good the others are given up at once, and say so', async () => {
    const clock = createFakeClock();
    const failing = timedGate(clock, () => refused, { name: 'failing', attempts: 1, intervalMs: 2000 });
    const waiting = timedGate(clock, () => ({ ok: false, detail: '502' }), { name: 'waiting' });
    const hanging = timedGate(clock, () => new Promise<GateResult>(() => {}), { name: 'hanging', timeoutMs: 100_000 });
    const passed = timedGate(clock, () => pass, { name: 'passed' });
    const reports = await pollGates([waiting.gate, hanging.gate, failing.gate, passed.gate], { clock, signal: never });
    expect(reports.map(({ ok, stoppedEarly, detail }) => ({ ok, stoppedEarly, detail }))).toEqual([
      { ok: false, stoppedEarly: true, detail: 'given up because failing failed; last answer: 502' },
      { ok: false, stoppedEarly: true, detail: 'given up because failing failed; last answer: none yet' },
      { ok: false, stoppedEarly: false, detail: 'connection refused (after 2 s)' },
      { ok: true, stoppedEarly: false, detail: '200' },
    ]);
    expect(clock.monotonic()).toBeLessThanOrEqual(2000);
  });
});

describe('a hopeless wait', () => {
  test('ends early with the reason and the last answer', async () => {
    const clock = createFakeClock();
    const { gate } = timedGate(clock, () => refused);
    const hopeless = async () => (clock.monotonic() > 2500 ? 'crash loop: api-1' : null);
    const [report] = await pollGates([gate], { clock, signal: never, hopeless });
    expect(report).toMatchObject({
      ok: false,
      stoppedEarly: false,
      detail: 'crash loop: api-1; last answer: connection refused',
      elapsedMs: 3000,
    });
  });

  test('a question that fails or hangs decides nothing', async () => {
    for (const hopeless of [() => Promise.reject(new Error('engine busy')), () => new Promise<null>(() => {})]) {
      const clock = createFakeClock();
      const { gate } = timedGate(clock, from(3000));
      const [report] = await pollGates([gate], { clock, signal: never, hopeless });
      expect(report).toMatchObject({ ok: true });
      expect(clock.sleeping).toBe(0);
    }
  });

  test('is not asked about when every gate passes at once', async () => {
    const clock = createFakeClock();
    let asked = 0;
    const hopeless = async () => {
      asked += 1;
      return null;
    };
    await pollGates([timedGate(clock, () => pass).gate], { clock, signal: never, hopeless });
    await clock.sleep(5000);
    expect(asked).toBe(0);
  });
});

describe('Ctrl-C', () => {
  test('rejects with its reason while waiting, while trying, and before the start', async () => {
    const reason = new Error('interrupted');
    for (const check of [() => refused, () => new Promise<GateResult>(() => {})]) {
      const clock = createFakeClock();
      const controller = new AbortController();
      void clock.sleep(1234).then(() => controller.abort(reason));
      await expect(pollGates([timedGate(clock, check).gate], { clock, signal: controller.signal })).rejects.toBe(
        reason,
      );
      expect(clock.monotonic()).toBe(1234);
      expect(clock.sleeping).toBe(0);
    }
    const clock = createFakeClock();
    const { gate, triedAt } = timedGate(clock, () => pass);
    await expect(pollGates([gate], { clock, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(triedAt).toEqual([]);
  });
});

describe('checking once', () => {
  test('tries each gate a single time, with its deadline', async () => {
    const clock = createFakeClock();
    const bad = timedGate(clock, () => refused, { name: 'bad' });
    const good = timedGate(clock, () => pass, { name: 'good' });
    const hang = timedGate(clock, () => new Promise<GateResult>(() => {}), { name: 'hang' });
    const seen: string[] = [];
    const reports = await checkGatesOnce([bad.gate, good.gate, hang.gate], {
      clock,
      signal: never,
      onResult: ({ gate }) => seen.push(gate),
    });
    expect(reports.map(({ gate, ok, attempts, detail }) => ({ gate, ok, attempts, detail }))).toEqual([
      { gate: 'bad', ok: false, attempts: 1, detail: 'connection refused' },
      { gate: 'good', ok: true, attempts: 1, detail: '200' },
      { gate: 'hang', ok: false, attempts: 1, detail: 'no answer within 5 s' },
    ]);
    expect(bad.triedAt).toHaveLength(1);
    expect(seen).toEqual(['bad', 'good', 'hang']);
  });
});

test('nextWait shrinks towards the end of the budget and then gives up', () => {
  expect(nextWait(100, 10_000)).toBe(100);
  expect(nextWait(20_000, 10_000)).toBe(5000);
  expect(nextWait(20_000, 150)).toBe(75);
  expect(nextWait(100, 99)).toBeNull();
  expect(nextWait(100, -5)).toBeNull();
  expect(nextWait(0, 1000)).toBe(100);
});

const hangUntilAborted = (signal: AbortSignal): Promise<GateResult> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
