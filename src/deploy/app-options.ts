import type { Config } from '../config/config.ts';
import type { DeployError } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { Progress } from '../system/progress.ts';
import type { Redactor } from '../system/redact.ts';

/** What every verb stands on. */
export interface AppOptions {
  readonly config: Config;
  /** The process environment as it was given; `config.environment` is what the compose file sees. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, with a DeployError('interrupted') as its reason. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** The debug log; an operation sends it to its own directory with `log.writeTo(...)`. */
  readonly log: Log;
  /** How long to wait for another operation's lock. 0: fail at once. */
  readonly lockWaitMs: number;
  /** The name that whoever asks has for this; null: none. */
  readonly requestId: string | null;
  /** The exit code that an error leads to, for the history. */
  readonly exitCodeOf: (error: DeployError) => number;
}
