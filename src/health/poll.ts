import { setMaxListeners } from 'node:events';
import { messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { abortable } from './abortable.ts';
import { duration } from './detail.ts';
import { DeadlineReached, type Gate, type GateResult } from './gate.ts';

/** What became of one gate. */
export interface GateReport {
  readonly gate: string;
  readonly ok: boolean;
  /** Tries that count: quicker ones than the gate's interval don't. */
  readonly attempts: number;
  readonly elapsedMs: number;
  /** One line: the last answer. */
  readonly detail: string;
  /** Not this gate's own verdict: it was still being tried when another one had failed for good. */
  readonly stoppedEarly: boolean;
}

export interface PollOptions {
  readonly clock: Clock;
  /** Aborted by Ctrl-C: then polling rejects with its reason. */
  readonly signal: AbortSignal;
  readonly onResult?: (report: GateReport) => void;
  /** Asked every second while gates are open: why waiting longer is useless (a crash loop), or null. */
  readonly hopeless?: () => Promise<string | null>;
}

const FIRST_WAIT_MS = 100;
const HOPELESS_EVERY_MS = 1000;
/** A try that was aborted has this long to say how far it came. */
const GRACE_MS = 100;

/** Why gates that are still open are given up. */
class Stopped extends Error {
  readonly early: boolean;

  constructor(message: string, early: boolean) {
    super(message);
    this.early = early;
  }
}

/**
 * Tries gates in parallel until each has passed or its budget, attempts x intervalMs, is used up. Waits are 100 ms, doubling up to
 * intervalMs. Reports come in the order of the gates; those not `ok` that are not `stoppedEarly` are the reason of a failure.
 */
export const pollGates = async (gates: readonly Gate[], options: PollOptions): Promise<readonly GateReport[]> => {
  options.signal.throwIfAborted();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Each gate listens for its end, and a project may have many: Node would warn of a leak.
  setMaxListeners(0, signal);
  const finished = new AbortController();
  if (options.hopeless) void watchHope(options.hopeless, options.clock, finished.signal, stop);
  try {
    return await Promise.all(
      gates.map(async (gate) => {
        const report = await pollGate(gate, options.clock, signal, stop.signal);
        options.onResult?.(report);
        if (!report.ok) stop.abort(new Stopped(`given up because ${gate.name} failed`, true));
        return report;
      }),
    );
  } finally {
    finished.abort();
  }
};

/** One try of each gate, in parallel. */
export const checkGatesOnce = async (
  gates: readonly Gate[],
  { clock, signal, onResult }: Omit<PollOptions, 'hopeless'>,
): Promise<readonly GateReport[]> =>
  Promise.all(
    gates.map(async (gate) => {
      const started = clock.monotonic();
      const { ok, detail } = await tryOnce(gate, gate.timeoutMs, clock, signal);
      const elapsedMs = clock.monotonic() - started;
      const report = { gate: gate.name, ok, attempts: 1, elapsedMs, detail, stoppedEarly: false };
      onResult?.(report);
      return report;
    }),
  );

const pollGate = async (gate: Gate, clock: Clock, signal: AbortSignal, stop: AbortSignal): Promise<GateReport> => {
  const started = clock.monotonic();
  const budgetMs = gate.attempts * gate.intervalMs || gate.timeoutMs;
  const left = () => started + budgetMs - clock.monotonic();
  let attempts = 0;
  let countedAt = Number.NEGATIVE_INFINITY;
  let detail: string | null = null;
  const report = (ok: boolean, text: string, stoppedEarly = false): GateReport => ({
    gate: gate.name,
    ok,
    attempts,
    elapsedMs: clock.monotonic() - started,
    detail: text,
    stoppedEarly,
  });
  try {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, gate.intervalMs)) {
      if (clock.monotonic() - countedAt >= gate.intervalMs) {
        attempts += 1;
        countedAt = clock.monotonic();
      }
      const limitMs = Math.min(gate.timeoutMs, left());
      const result = await tryOnce(gate, limitMs, clock, signal);
      if (result.ok) return report(true, result.detail);
      // A try cut short by the end of the budget says less than the one before it.
      const cutShort = limitMs < gate.timeoutMs && left() <= 0;
      if (detail === null || !cutShort) detail = result.detail;
      const pause = nextWait(wait, left());
      if (pause === null) return report(false, `${detail} (after ${duration(budgetMs)})`);
      await clock.sleep(pause, signal);
    }
  } catch (error) {
    if (!(stop.aborted && error === stop.reason && error instanceof Stopped)) throw error;
    return report(false, `${error.message}; last answer: ${detail ?? 'none yet'}`, error.early);
  }
};

/**
 * The wait before the next try, or null when the budget is used up. A wait that would outlast the budget is halved into
 * it, so that what comes up in the last seconds is still seen.
 */
export const nextWait = (waitMs: number, leftMs: number): number | null => {
  if (leftMs < FIRST_WAIT_MS) return null;
  return Math.max(waitMs < leftMs ? waitMs : leftMs / 2, Math.min(FIRST_WAIT_MS, leftMs / 2));
};

/** A try that ends in time even when the gate does not: a gate that ignores its signal is left behind. */
const tryOnce = async (gate: Gate, limitMs: number, clock: Clock, signal: AbortSignal): Promise<GateResult> => {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const settled = new AbortController();
  const late = async (): Promise<GateResult> => {
    await clock.sleep(limitMs, settled.signal);
    const reason = new DeadlineReached(limitMs);
    deadline.abort(reason);
    await clock.sleep(GRACE_MS, settled.signal);
    return { ok: false, detail: reason.message };
  };
  try {
    const result = await abortable(
      Promise.race([gate.check(AbortSignal.any([signal, deadline.signal])), late()]),
      signal,
    );
    // An answer that comes after its time is no pass.
    return result.ok && deadline.signal.aborted ? { ok: false, detail: messageOf(deadline.signal.reason) } : result;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return { ok: false, detail: messageOf(error) };
  } finally {
    settled.abort();
  }
};

const watchHope = async (
  hopeless: () => Promise<string | null>,
  clock: Clock,
  finished: AbortSignal,
  stop: AbortController,
): Promise<void> => {
  try {
    for (;;) {
      await clock.sleep(HOPELESS_EVERY_MS, finished);
      // An engine that can't be asked right now is no evidence against the containers.
      const reason = await abortable(
        hopeless().catch(() => null),
        finished,
      );
      if (reason !== null) return stop.abort(new Stopped(reason, false));
    }
  } catch {
    // Aborted: every gate is settled.
  }
};
