import { hostname } from 'node:os';
import type { AgentConfig } from '../config/config.ts';
import { JOBS, type Job } from '../config/notifier.ts';
import { parseCronSchedule } from '../system/cron-schedule.ts';
import type { Timetable } from './due.ts';
import type { Timetables } from './world.ts';

/** The schedules of a configuration, which were looked at when it was loaded. */
export const timetablesOf = ({ timeZone, jitterMs, catchUp, schedules, watchReleaseMs }: AgentConfig): Timetables => {
  const of = (job: Job): Timetable => ({
    schedules: schedules[job].map((time) => parseCronSchedule(time, timeZone)),
    ...{ jitterMs, catchUp, salt: `${hostname()} ${job}` },
  });
  return { of: Object.fromEntries(JOBS.map((job) => [job, of(job)])) as Timetables['of'], watchReleaseMs };
};
