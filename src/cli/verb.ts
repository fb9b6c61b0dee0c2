import type { Command } from 'commander';
import type { Interruption } from './interrupt.ts';
import type { Session } from './session.ts';

/** What a verb does once the whole command line has been understood. Comes back with the exit code; nothing is 0. */
export type Job = (session: Session) => Promise<number | undefined>;

/** What `--host` makes of a verb that is not simply run there. */
export type Elsewhere =
  /** It only looks, but at an operation, to its end: after a lost connection it is followed again. */
  | { readonly type: 'follows' }
  /** It runs here, and does itself what is to be done there. */
  | { readonly type: 'drives' }
  | { readonly type: 'here-only'; readonly why: string; readonly hint: string };

export interface Scheduled {
  readonly job: Job;
  readonly interruption: Interruption;
  /** The command, for its options. */
  readonly command: Command;
  /** What is asked before it runs ("prune"), when it destroys something. */
  readonly confirm?: string | null;
  readonly elsewhere?: Elsewhere;
}

/** Called by a verb's action: parsing ends before anything runs. */
export type Schedule = (scheduled: Scheduled) => void;

/** Adds one verb, or a group of them, to the program. */
export type DefineVerb = (program: Command, schedule: Schedule) => void;

/** The `Examples:` part of a verb's help. */
export const examples = (lines: readonly (readonly [command: string, meaning: string])[]): string => {
  const width = Math.max(...lines.map(([command]) => command.length));
  const rows = lines.map(([command, meaning]) => `  ${`kaleem-deploy ${command}`.padEnd(width + 14)}  ${meaning}`);
  return ['', 'Examples:', ...rows].join('\n');
};
