import { messageOf } from '../../errors.ts';
import type { Clock } from '../../system/clock.ts';
import type { Progress } from '../../system/progress.ts';
import { formatBytes, formatDuration, printable, printableLine } from './format.ts';
import type { Paint } from './paint.ts';

interface StepBytes {
  readonly done: number;
  readonly total: number | null;
}

/** A step that runs, or ran. */
export interface StepState {
  readonly title: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  detail: string | null;
  bytes: StepBytes | null;
  /** Where the count of bytes began, in monotonic milliseconds: a step may count more than once, each time from the start. */
  countedSince: { readonly at: number; readonly done: number } | null;
  summary: string | null;
}

export const newStep = (title: string, startedAt: number): StepState => ({
  ...{ title, startedAt, detail: null, bytes: null, countedSince: null, summary: null },
});

export const countBytes = (step: StepState, bytes: StepBytes, now: number): void => {
  if (step.bytes === null || bytes.done < step.bytes.done) step.countedSince = { at: now, done: bytes.done };
  step.bytes = bytes;
};

/** What happens to steps, for a renderer. */
export interface StepEvents {
  started(step: StepState): void;
  changed(step: StepState, what: 'detail' | 'bytes'): void;
  finished(step: StepState, elapsedMs: number): void;
  failed(step: StepState, elapsedMs: number, error: unknown): void;
  note(text: string): void;
  warn(text: string): void;
  /** A line of the command line's own, shown whatever the verbosity, that a live display leaves alone. */
  tell(text: string): void;
}

/** The Progress that turns calls into events. A step that throws has failed; the error goes on. */
export const progressOf = (events: Omit<StepEvents, 'tell'>, clock: Clock): Progress => ({
  async step(title, run) {
    const state = newStep(title, clock.monotonic());
    events.started(state);
    try {
      const value = await run({
        detail(text) {
          state.detail = text;
          events.changed(state, 'detail');
        },
        bytes(done, total) {
          countBytes(state, { done, total }, clock.monotonic());
          events.changed(state, 'bytes');
        },
        summary(text) {
          state.summary = text;
        },
      });
      events.finished(state, clock.monotonic() - state.startedAt);
      return value;
    } catch (error) {
      events.failed(state, clock.monotonic() - state.startedAt, error);
      throw error;
    }
  },
  note: (text) => events.note(text),
  warn: (text) => events.warn(text),
});

const joined = (parts: readonly (string | null)[]): string =>
  printableLine(parts.filter((part) => part !== null && part !== '').join('  '));

/** `ok  back up the database  1.2s  34 MB  412 documents` */
export const finishedLine = ({ title, bytes, summary }: StepState, elapsedMs: number, paint: Paint): string =>
  `${paint('green', 'ok')}  ${joined([title, formatDuration(elapsedMs), bytes && formatBytes(bytes.done), summary])}`;

/** `failed  check http://localhost:3000  12.0s  answered 500` */
export const failedLine = ({ title }: StepState, elapsedMs: number, error: unknown, paint: Paint): string =>
  `${paint('red', 'failed')}  ${joined([title, formatDuration(elapsedMs), messageOf(error).split('\n')[0] ?? ''])}`;

export const startedLine = ({ title }: StepState): string => `..  ${joined([title])}`;

/** A rate of the first moments says nothing. */
const RATE_AFTER_MS = 2_000;

/** `12 MB of 34 MB (35%), 8.1 MB/s, 2.7s left`: as much of it as is known. */
const describeBytes = (
  { bytes, countedSince }: Pick<StepState, 'bytes' | 'countedSince'>,
  now: number,
): string | null => {
  if (bytes === null) return null;
  const { done } = bytes;
  // A server's estimate may be too low.
  const total = bytes.total !== null && bytes.total >= done ? bytes.total : null;
  const elapsedMs = countedSince === null ? 0 : now - countedSince.at;
  const rate = elapsedMs < RATE_AFTER_MS ? 0 : ((done - (countedSince?.done ?? 0)) / elapsedMs) * 1_000;
  return [
    `${formatBytes(done)}${total ? ` of ${formatBytes(total)} (${Math.floor((done / total) * 100)}%)` : ''}`,
    ...(rate > 0 ? [`${formatBytes(rate)}/s`] : []),
    ...(rate > 0 && total !== null ? [`${formatDuration(((total - done) / rate) * 1_000)} left`] : []),
  ].join(', ');
};

/** `..  back up the database  3s  12 MB of 34 MB (35%), 4.0 MB/s, 5.5s left  collection users`, cut to `columns` characters. */
export const runningLine = (step: StepState, now: number, columns: number): string => {
  const seconds = `${Math.floor((now - step.startedAt) / 1_000)}s`;
  const text = `..  ${joined([step.title, seconds, describeBytes(step, now), step.detail])}`;
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 3))}...`;
};

export const warningLine = (text: string, paint: Paint): string => `${paint('yellow', 'warning:')} ${printable(text)}`;
