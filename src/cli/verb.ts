import type { Command } from 'commander';
import type { Interruption } from './interrupt.ts';
import type { Session } from './session.ts';

/** What a verb does once the whole command line has been understood. Comes back with the exit code; nothing is 0. */
export type Job = (session: Session) => Promise<number | undefined>;

export interface Scheduled {
  readonly job: Job;
  readonly interruption: Interruption;
  /** The command, for its options. */
  readonly command: Command;
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
