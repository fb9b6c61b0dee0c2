import { failpoint } from '#failpoint';
import { type DeployError, DeployError as Failure, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { Journal } from './journal.ts';
import type { Json, Jsonable } from './json.ts';

export const OPERATION_KINDS = [
  'deploy',
  'rollback',
  'restore',
  'backup',
  'maintenance',
  'prune',
  'pin',
  'drill',
  'push',
  'pull',
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export const OUTCOMES = ['succeeded', 'refused', 'rolled-back', 'interrupted', 'halted', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One run that changes something. Everything it changes goes through `effect`. */
export interface Operation {
  /** `000012-a1b2`: sequence number and four hex digits. Its grammar [a-z0-9-] suits iptables comments and image tags. */
  readonly id: string;
  readonly sequence: number;
  readonly kind: OperationKind;
  /** `<state>/operations/<id>`: the journal, and what else the operation keeps. */
  readonly directory: string;
  /** Aborted by Ctrl-C. `effect` does not look at it, for undoing has effects too. */
  readonly signal: AbortSignal;
  /**
   * Writes the intent (with what undo needs), runs the effect, and writes its result or its failure. An effect without
   * intent on disk never runs. Rejects with what `run` threw; or, when the journal can't be written, with that: before
   * `run`, or after it, and then the effect has happened all the same.
   */
  effect<T, I>(step: string, intent: I & Jsonable<I>, run: () => Promise<T>, result?: (value: T) => Json): Promise<T>;
  note<D>(step: string, data: D & Jsonable<D>): Promise<void>;
  /** Writes how it ended and closes the journal. An operation that can't say so counts as unfinished. */
  end(outcome: Outcome, exitCode: number | null, error?: DeployError): Promise<void>;
}

export interface OperationParts {
  readonly id: string;
  readonly sequence: number;
  readonly kind: OperationKind;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Resumed after its process died: how long it took in all is not known. */
  readonly resumed?: boolean;
}

/** An operation whose begin line is written. */
export const runningOperation = ({ journal, clock, resumed = false, ...identity }: OperationParts): Operation => {
  const started = clock.monotonic();
  return {
    ...identity,
    async effect(step, intent, run, result = () => null) {
      await failpoint(`effect.${step}.intent`);
      await journal.append('intent', step, intent as Json);
      let value: Awaited<ReturnType<typeof run>>;
      let outcome: Json;
      try {
        await failpoint(`effect.${step}.run`);
        value = await run();
        outcome = result(value);
      } catch (error) {
        const code = error instanceof Failure ? error.code : null;
        // The first failure is the one to report. A journal that fails now refuses what comes next, `end` included.
        await journal.append('failure', step, { code, message: messageOf(error) }).catch(() => {});
        throw error;
      }
      await failpoint(`effect.${step}.result`);
      await journal.append('result', step, outcome);
      return value;
    },
    note: (step, data) => journal.append('note', step, data as Json),
    async end(outcome, exitCode, error) {
      try {
        // The outcome is the step, which is not redacted: a password may be the word "failed".
        await failpoint('operation.end.before');
        await journal.append('end', outcome, {
          exitCode,
          durationMs: resumed ? null : Math.round(clock.monotonic() - started),
          error: error === undefined ? null : { code: error.code, message: error.message, hint: error.hint ?? null },
        });
        await failpoint('operation.end.after');
      } finally {
        await journal.close();
      }
    },
  };
};
