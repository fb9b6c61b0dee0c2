import type { Job } from '../config/notifier.ts';
import type { Clock } from '../system/clock.ts';
import type { Timetable } from './due.ts';
import type { AgentRecord } from './record.ts';
import type { Supervisor } from './supervisor.ts';
import type { Tool } from './tool.ts';

/** What the configuration says, ready for use. */
export interface Timetables {
  readonly of: Readonly<Record<Job, Timetable>>;
  readonly watchReleaseMs: number;
}

/** What happens, for whoever reads its log. */
export type AgentEvent =
  | { readonly type: 'started' | 'reloaded'; readonly next: Readonly<Partial<Record<Job, string>>> }
  | { readonly type: 'stopped' }
  | { readonly type: 'warning'; readonly text: string }
  | { readonly type: 'recovered'; readonly exitCode: number | null; readonly complaint: string | null }
  | { readonly type: 'began'; readonly job: Job; readonly due: string | null; readonly missed: boolean }
  | { readonly type: 'skipped'; readonly job: Job; readonly due: string }
  | {
      readonly type: 'ended';
      readonly job: Job;
      readonly exitCode: number | null;
      readonly elapsedMs: number;
      /** Null: it went well. */
      readonly complaint: string | null;
    };

export interface AgentWorld {
  readonly clock: Clock;
  readonly tool: Tool;
  readonly supervisor: Supervisor;
  /** Stops the agent. What it has begun goes on by itself. */
  readonly signal: AbortSignal;
  load(): Promise<Timetables>;
  readRecord(): Promise<AgentRecord>;
  writeRecord(record: AgentRecord): Promise<void>;
  /** Another text once another release is live. */
  liveRelease(): Promise<string>;
  /** Calls back at each request to load the configuration again. */
  onReload(reload: () => void): void;
  say(event: AgentEvent): void;
}
