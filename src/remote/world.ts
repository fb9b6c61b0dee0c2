import type { Clock } from '../system/clock.ts';
import type { CommandRunner } from '../system/command.ts';
import type { AskPassphrase } from '../system/ssh/key-file.ts';

/** Somebody who can be asked. */
export interface Terminal {
  /** Shows the lines, then asks; false for anything but yes. */
  confirm(lines: readonly string[], question: string): Promise<boolean>;
  readonly passphrase: AskPassphrase;
}

/** What a connection to another host has of this one. */
export interface RemoteWorld {
  readonly commands: CommandRunner;
  readonly clock: Clock;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the user, as OpenSSH sees it: by the user database, not by HOME. */
  readonly home: string;
  /** Null: nobody can be asked. */
  readonly terminal: Terminal | null;
  /** A line for whoever waits. */
  say(line: string): void;
}
