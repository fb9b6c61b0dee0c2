import { messageOf } from '../../errors.ts';
import type { Clock } from '../../system/clock.ts';
import type { Progress } from '../../system/progress.ts';
import { formatBytes, formatDuration, printable } from './format.ts';
import type { Paint } from './paint.ts';

/** A step that runs, or ran. */
export interface StepState {
  readonly title: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  detail: string | null;
  bytes: { readonly done: number; readonly total: number | null } | null;
  summary: string | null;
}

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
    const state: StepState = { title, startedAt: clock.monotonic(), detail: null, bytes: null, summary: null };
    events.started(state);
    try {
      const value = await run({
        detail(text) {
          state.detail = text;
          events.changed(state, 'detail');
        },
        bytes(done, total) {
          state.bytes = { done, total };
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
  printable(parts.filter((part) => part !== null && part !== '').join('  ')).replaceAll('\n', ' ');

/** `ok  back up the database  1.2s  34 MB  412 documents` */
export const finishedLine = ({ title, bytes, summary }: StepState, elapsedMs: number, paint: Paint): string =>
  `${paint('green', 'ok')}  ${joined([title, formatDuration(elapsedMs), bytes && formatBytes(bytes.done), summary])}`;

/** `failed  check http://localhost:3000  12.0s  answered 500` */
export const failedLine = ({ title }: StepState, elapsedMs: number, error: unknown, paint: Paint): string =>
  `${paint('red', 'failed')}  ${joined([title, formatDuration(elapsedMs), messageOf(error).split('\n')[0] ?? ''])}`;

export const startedLine = ({ title }: StepState): string => `..  ${joined([title])}`;

/** `..  back up the database  3s  12 MB of 34 MB (35%)  collection users`, cut to `columns` characters. */
export const runningLine = ({ title, startedAt, bytes, detail }: StepState, now: number, columns: number): string => {
  const share = bytes?.total
    ? ` of ${formatBytes(bytes.total)} (${Math.floor((bytes.done / bytes.total) * 100)}%)`
    : '';
  const seconds = `${Math.floor((now - startedAt) / 1_000)}s`;
  const text = `..  ${joined([title, seconds, bytes && `${formatBytes(bytes.done)}${share}`, detail])}`;
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 3))}...`;
};

export const warningLine = (text: string, paint: Paint): string => `${paint('yellow', 'warning:')} ${printable(text)}`;
