import { JOBS, type Job } from '../config/notifier.ts';
import { HISTORY, JOB_PLANS, RECOVER } from './jobs.ts';
import type { AgentRecord, JobRecord } from './record.ts';
import { complaintOf, documentOf, type Ran } from './tool.ts';
import type { AgentWorld } from './world.ts';

/** 12: Docker is not up yet, say. Anything else is final. */
const HEALS = 12;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/** Null, too, where it failed. */
const resultOf = <T>(ran: Ran): T | null => (ran.exitCode === 0 ? documentOf<T>(ran) : null);

interface Operation {
  readonly kind: string;
  readonly startedAt: string;
  /** Null: it runs, or it died. */
  readonly exitCode: number | null;
}

/** Whether an operation of that kind ran to its own end since then, well or not: it has told so itself. */
const hasEnded = (operations: readonly Operation[], kind: string, since: string): boolean =>
  operations.some((each) => each.kind === kind && each.startedAt >= since && each.exitCode !== null);

/** Its time counts again, as one that was missed. */
const asMissed = ({ due }: NonNullable<JobRecord['last']>): JobRecord => ({
  after: new Date(Date.parse(due) - 1).toISOString(),
  last: null,
});

/**
 * Finishes or undoes what died, waiting for Docker as long as it takes. Resolves with the records of jobs that were cut short when
 * the last agent ended, and are to be done again.
 */
export const recoverAtStart = async (
  { clock, tool, signal, say }: Pick<AgentWorld, 'clock' | 'tool' | 'signal' | 'say'>,
  record: AgentRecord,
): Promise<readonly (readonly [Job, JobRecord])[]> => {
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const ran = await tool.run(RECOVER.argv, { timeoutMs: RECOVER.timeoutMs, signal }).catch(() => null);
    if (ran === null) return [];
    const { exitCode } = ran;
    const found = resultOf<{ readonly recovered: readonly unknown[] }>(ran)?.recovered.length ?? 0;
    if (exitCode !== 0 || found > 0) {
      say({ type: 'recovered', exitCode, complaint: exitCode === 0 ? null : complaintOf(ran) });
    }
    if (exitCode !== HEALS) break;
    await clock.sleep(pause, signal).catch(() => {});
  }
  const cut = JOBS.flatMap((job) => {
    const last = record[job]?.last;
    return last && last.endedAt === null ? [{ job, last, kind: JOB_PLANS[job].kind }] : [];
  });
  if (cut.length === 0 || signal.aborted) return [];
  const history = await tool.run(HISTORY.argv, { timeoutMs: HISTORY.timeoutMs, signal }).catch(() => null);
  const operations = history === null ? null : resultOf<readonly Operation[]>(history);
  // Without a history nobody knows: rather twice than not at all.
  return cut
    .filter(({ kind, last }) => kind === null || !hasEnded(operations ?? [], kind, last.begunAt))
    .map(({ job, last }) => [job, asMissed(last)] as const);
};
