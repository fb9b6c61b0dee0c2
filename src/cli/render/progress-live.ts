import type { Clock } from '../../system/clock.ts';
import type { Output } from '../output.ts';
import { printable } from './format.ts';
import type { Paint } from './paint.ts';
import { failedLine, finishedLine, runningLine, type StepEvents, type StepState, warningLine } from './steps.ts';

const REDRAW_MS = 200;
/** More running steps than this are counted, not listed: what scrolled off the top can't be erased. */
const MOST_LINES = 8;

export interface LiveOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly paint: Paint;
  /** Width of the terminal now. */
  readonly columns: () => number;
}

/** For a terminal: finished steps stay, running ones are redrawn below them with elapsed seconds and bytes. */
export const liveEvents = ({ output, clock, paint, columns }: LiveOptions): StepEvents => {
  const running = new Set<StepState>();
  let drawn = 0;
  let ticking = false;

  const runningLines = (): readonly string[] => {
    // One column is left free: a terminal wraps when the last one is filled.
    const width = columns() - 1;
    const lines = [...running].map((step) => runningLine(step, clock.monotonic(), width));
    const more = lines.length - MOST_LINES;
    return more > 0 ? [...lines.slice(0, MOST_LINES), `..  and ${more} more`] : lines;
  };

  /** Replaces the running lines by `kept`, which stay, and the running lines anew. */
  const redraw = (kept: readonly string[] = []): void => {
    const lines = runningLines();
    // To the left, since the terminal may have echoed `^C`; CSI n A: cursor up n lines; CSI J: erase from there. (ECMA-48)
    const erase = drawn > 0 ? `\r\u001b[${drawn}A\u001b[J` : '';
    drawn = lines.length;
    const text = [...kept, ...lines].map((line) => `${line}\n`).join('');
    if (erase !== '' || text !== '') output.raw(`${erase}${text}`);
  };

  const tick = async (): Promise<void> => {
    ticking = true;
    while (running.size > 0) {
      await clock.sleep(REDRAW_MS);
      if (running.size > 0) redraw();
    }
    ticking = false;
  };

  return {
    started(step) {
      running.add(step);
      redraw();
      if (!ticking) void tick();
    },
    // The next tick shows it: bytes come by the thousand.
    changed: () => {},
    finished(step, elapsedMs) {
      running.delete(step);
      redraw([finishedLine(step, elapsedMs, paint)]);
    },
    failed(step, elapsedMs, error) {
      running.delete(step);
      redraw([failedLine(step, elapsedMs, error, paint)]);
    },
    note: (text) => redraw([printable(text)]),
    warn: (text) => redraw([warningLine(text, paint)]),
    tell: (text) => redraw([text]),
  };
};
