import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { JOBS, type Job } from '../config/notifier.ts';
import type { StateDirectory } from '../operation/state.ts';
import { replaceFile } from '../system/durable-file.ts';

/** In the state directory. */
const FILE = 'agent.json';

const run = z.strictObject({
  /** The time that it was for. */
  due: z.iso.datetime(),
  begunAt: z.iso.datetime(),
  /** Null: it has not ended, as far as this agent saw. */
  endedAt: z.iso.datetime().nullable(),
  /** Null, too, when something killed it. */
  exitCode: z.int().nullable(),
});
const jobRecord = z.strictObject({
  /** Times after this one count. */
  after: z.iso.datetime(),
  last: run.nullable(),
});
const schema = z.strictObject({ version: z.literal(1), jobs: z.partialRecord(z.enum(JOBS), jobRecord) });

export type Run = z.infer<typeof run>;
export type JobRecord = z.infer<typeof jobRecord>;
/** What was done when; a job that is not there was never waited for. */
export type AgentRecord = Readonly<Partial<Record<Job, JobRecord>>>;

/** What cannot be read counts as nothing: schedules begin anew. `state` null: there is none yet. */
export const readAgentRecord = async (state: StateDirectory | null): Promise<AgentRecord> => {
  if (state === null) return {};
  try {
    return schema.parse(JSON.parse(await readFile(state.file(FILE), 'utf8'))).jobs;
  } catch {
    return {};
  }
};

/** Durably. */
export const writeAgentRecord = (state: StateDirectory, jobs: AgentRecord): Promise<void> =>
  replaceFile(state.file(FILE), `${JSON.stringify({ version: 1, jobs })}\n`);
