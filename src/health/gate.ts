import type { Reached } from '../compose/address.ts';
import type { ContainerState } from '../compose/engine.ts';
import type { CommandResult, CommandRunner } from '../system/command.ts';
import { createRedactor } from '../system/redact.ts';
import { describeError, duration, oneLine } from './detail.ts';

/** `detail` is one short line for people: the last answer, never a secret. */
export type GateResult =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly detail: string };

/** One check that must pass. */
export interface Gate {
  readonly name: string;
  readonly attempts: number;
  /** Milliseconds. */
  readonly intervalMs: number;
  /** Deadline of one try, in milliseconds; whoever calls `check` keeps it, by aborting with `DeadlineReached`. */
  readonly timeoutMs: number;
  /** One try. Throws only when aborted: the signal's reason, or a `DeadlineReached` that says how far the answer had come. */
  check(signal: AbortSignal): Promise<GateResult>;
}

/** What gates need to know about the project they look at. */
export interface GateContext {
  readonly commands: CommandRunner;
  /** Where to dial for a host and port as the user wrote them. */
  reach(host: string, port: number): Promise<Reached>;
  /** The service's containers, stopped ones included. */
  container(service: string): Promise<readonly ContainerState[]>;
  exec(service: string, argv: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<CommandResult>;
  /** The image that must run; null: any will do. */
  plannedImageId(service: string): string | null;
  /** As the service's container was when it was started; null: unknown. */
  baseline(service: string): { readonly restartCount: number; readonly startedAt: string } | null;
}

/** The reason a try is aborted with when its time is up. */
export class DeadlineReached extends Error {
  readonly limitMs: number;

  /** `progress`: how far the answer had come, such as `200 and 12 bytes so far`. */
  constructor(limitMs: number, progress?: string) {
    super(
      progress === undefined
        ? `no answer within ${duration(limitMs)}`
        : `no complete answer within ${duration(limitMs)}: ${progress}`,
    );
    this.name = 'DeadlineReached';
    this.limitMs = limitMs;
  }
}

/** Thrown inside a try: the gate has not passed, and the message says why. */
export class GateFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GateFailure';
  }
}

interface Try {
  readonly signal: AbortSignal;
  /** Masks the gate's own secrets; for text that is cut short afterwards. */
  redact(text: string): string;
}

interface GateDefinition {
  readonly spec: Pick<Gate, 'name' | 'attempts' | 'intervalMs' | 'timeoutMs'>;
  /** Values that no detail may hold: passwords, API keys. */
  readonly secrets?: readonly string[];
  /** Resolves with the detail when the gate passes; any throw is a failure. */
  readonly attempt: (options: Try) => Promise<string>;
}

/** A gate from its one try, so that the gates themselves only say what passing means. */
export const defineGate = ({ spec, secrets = [], attempt }: GateDefinition): Gate => {
  const redactor = createRedactor();
  for (const secret of secrets) redactor.add(secret);
  const redact = (text: string) => redactor.redact(text);
  const line = (text: string) => oneLine(redact(text));
  return {
    name: spec.name,
    attempts: spec.attempts,
    intervalMs: spec.intervalMs,
    timeoutMs: spec.timeoutMs,
    async check(signal) {
      signal.throwIfAborted();
      try {
        return { ok: true, detail: line(await attempt({ signal, redact })) };
      } catch (error) {
        if (signal.aborted) {
          // What was heard before the deadline is worth more than the bare reason.
          if (signal.reason instanceof DeadlineReached && error instanceof DeadlineReached) throw masked(error, line);
          throw signal.reason;
        }
        return { ok: false, detail: line(describeError(error)) };
      }
    },
  };
};

const masked = (error: DeadlineReached, line: (text: string) => string): DeadlineReached => {
  error.message = line(error.message);
  return error;
};
