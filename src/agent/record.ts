import { readFile } from 'node:fs/promises';
import { JOBS, type Job } from '../config/notifier.ts';
import type { StateDirectory } from '../operation/state.ts';
import { replaceFile } from '../system/durable-file.ts';

/** In the state directory. */
const FILE = 'agent.json';

/** Times are ISO 8601. */
export interface Run {
  /** The time that it was for. */
  readonly due: string;
  readonly begunAt: string;
  /** Null: it has not ended, as far as this agent saw. */
  readonly endedAt: string | null;
  /** Null, too, when something killed it. */
  readonly exitCode: number | null;
}

export interface JobRecord {
  /** Times after this one count. */
  readonly after: string;
  readonly last: Run | null;
}

/** What was done when; a job that is not there was never waited for. */
export type AgentRecord = Readonly<Partial<Record<Job, JobRecord>>>;

type Unknown<T> = Readonly<Partial<Record<keyof T, unknown>>>;

const time = (text: unknown): string => {
  if (typeof text === 'string') return new Date(text).toISOString();
  throw new TypeError('no time');
};

const runOf = ({ due, begunAt, endedAt, exitCode }: Unknown<Run>): Run => ({
  ...{ due: time(due), begunAt: time(begunAt), endedAt: endedAt === null ? null : time(endedAt) },
  exitCode: Number.isInteger(exitCode) ? Number(exitCode) : null,
});

const jobOf = ({ after, last }: Unknown<JobRecord>): JobRecord => ({
  after: time(after),
  last: last === null ? null : runOf(last as Unknown<Run>),
});

/** Without zod, which would be a tenth of the agent's memory. Throws where it is none of this version. */
const parse = (text: string): AgentRecord => {
  const { version, jobs } = JSON.parse(text) as {
    readonly version: unknown;
    readonly jobs: Readonly<Partial<Record<Job, Unknown<JobRecord>>>>;
  };
  if (version !== 1) throw new TypeError('another version');
  return Object.fromEntries(
    JOBS.flatMap((job) => {
      const found = jobs[job];
      return found === undefined ? [] : [[job, jobOf(found)] as const];
    }),
  );
};

/** What cannot be read counts as nothing: schedules begin anew. `state` null: there is none yet. */
export const readAgentRecord = async (state: StateDirectory | null): Promise<AgentRecord> => {
  if (state === null) return {};
  try {
    return parse(await readFile(state.file(FILE), 'utf8'));
  } catch {
    return {};
  }
};

/** Durably. */
export const writeAgentRecord = (state: StateDirectory, jobs: AgentRecord): Promise<void> =>
  replaceFile(state.file(FILE), `${JSON.stringify({ version: 1, jobs })}\n`);
