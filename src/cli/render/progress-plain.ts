import type { Clock } from '../../system/clock.ts';
import type { Output } from '../output.ts';
import { printable } from './format.ts';
import type { Paint } from './paint.ts';
import { failedLine, finishedLine, type StepEvents, type StepState, startedLine, warningLine } from './steps.ts';

/** A step that takes longer than this says that it has begun: a log that stands still looks like a hang. */
const SLOW_MS = 2_000;

export interface PlainOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly paint: Paint;
  /** Begin and details of every step too. */
  readonly verbose: boolean;
}

/** One line per finished step, for logs, pipes and CI. */
export const plainEvents = ({ output, clock, paint, verbose }: PlainOptions): StepEvents => {
  const waiting = new Map<StepState, AbortController>();
  const settle = (step: StepState): void => {
    waiting.get(step)?.abort();
    waiting.delete(step);
  };
  const say = (line: string): void => output.say([line]);

  const announceWhenSlow = async (step: StepState, signal: AbortSignal): Promise<void> => {
    await clock.sleep(SLOW_MS, signal);
    if (!signal.aborted) say(startedLine(step));
  };

  return {
    started(step) {
      if (verbose) {
        say(startedLine(step));
        return;
      }
      const controller = new AbortController();
      waiting.set(step, controller);
      announceWhenSlow(step, controller.signal).catch(() => {});
    },
    changed(step, what) {
      if (verbose && what === 'detail') say(`    ${printable(step.detail ?? '')}`);
    },
    finished(step, elapsedMs) {
      settle(step);
      say(finishedLine(step, elapsedMs, paint));
    },
    failed(step, elapsedMs, error) {
      settle(step);
      say(failedLine(step, elapsedMs, error, paint));
    },
    note: (text) => say(printable(text)),
    warn: (text) => say(warningLine(text, paint)),
    tell: say,
  };
};

/** Only what a person must look at. */
export const quietEvents = ({ output, paint }: Pick<PlainOptions, 'output' | 'paint'>): StepEvents => ({
  started: () => {},
  changed: () => {},
  finished: () => {},
  failed: () => {},
  note: () => {},
  warn: (text) => output.say([warningLine(text, paint)]),
  tell: (text) => output.say([text]),
});
