import { createHash } from 'node:crypto';
import type { CronSchedule } from '../system/cron-schedule.ts';

export interface Timetable {
  readonly schedules: readonly CronSchedule[];
  /** A run begins up to so long after its time; the same for each time, however often it is asked. */
  readonly jitterMs: number;
  /** What makes it differ from that of other hosts and jobs. */
  readonly salt: string;
  readonly catchUp: boolean;
}

export type Decision =
  | { readonly type: 'wait'; readonly until: Date }
  /** `missed`: its time went by before anybody waited for it. */
  | { readonly type: 'run' | 'skip'; readonly due: Date; readonly missed: boolean };

/** A wall clock that was put back by less goes on; by more, and times begin anew. */
const PUT_BACK_MS = 3_600_000;
/** Times that went by are counted up to here; a longer absence is one run all the same. */
const MOST = 1_000;

/** Milliseconds from the time itself to when it begins. */
export const jitterOf = ({ jitterMs, salt }: Timetable, due: Date): number => {
  if (jitterMs === 0) return 0;
  const digest = createHash('sha256').update(`${salt} ${due.toISOString()}`).digest();
  return Math.floor((digest.readUInt32BE() / 2 ** 32) * jitterMs);
};

/** The first time after `after`; null: there is no schedule. */
export const nextTime = ({ schedules }: Pick<Timetable, 'schedules'>, after: Date): Date | null => {
  const times = schedules.map((schedule) => schedule.next(after).getTime());
  return times.length === 0 ? null : new Date(Math.min(...times));
};

/**
 * What is to be done now: times up to `after` have had their run, and somebody waits for them since `since`. Several that went by have one
 * run together, for the last of them. Null: there is no schedule.
 */
export const decide = (
  timetable: Timetable,
  { after, since, now }: { readonly after: Date; readonly since: Date; readonly now: Date },
): Decision | null => {
  const from = after.getTime() - now.getTime() > PUT_BACK_MS ? now : after;
  const first = nextTime(timetable, from);
  if (first === null) return null;
  const begins = (time: Date): number => time.getTime() + jitterOf(timetable, time);
  let due: Date | null = null;
  let at: Date | null = first;
  for (let count = 0; at !== null && at <= now; count += 1) {
    // After so long an absence nobody counts: whatever comes is counted from now.
    if (count === MOST) return { type: timetable.catchUp ? 'run' : 'skip', due: now, missed: true };
    if (begins(at) <= now.getTime()) due = at;
    at = nextTime(timetable, at);
  }
  if (due === null) return { type: 'wait', until: new Date(begins(first)) };
  const missed = begins(due) < since.getTime();
  return { type: missed && !timetable.catchUp ? 'skip' : 'run', due, missed };
};
