import { DeployError, messageOf } from '../errors.ts';
import type { AgentConfig } from './config.ts';
import { JOBS, type Job } from './notifier.ts';
import type { Resolver } from './resolver.ts';
import type { AgentInput } from './schema-agent.ts';

const DEFAULTS: AgentConfig['schedules'] = {
  backup: ['0 3 * * *'],
  verify: ['0 5 * * 0'],
  drill: ['0 6 1 * *'],
  prune: ['0 4 * * *'],
  watch: ['*/5 * * * *'],
};
/** There is nothing for them to do without a database. */
const OF_DATABASES: readonly Job[] = ['backup', 'verify', 'drill'];

const assertUsable = async (given: AgentInput, timeZone: string, { place }: Resolver): Promise<void> => {
  const { isTimeZone, parseCronSchedule } = await import('../system/cron-schedule.ts');
  if (!isTimeZone(timeZone)) {
    throw new DeployError('config-invalid', `${place(['agent', 'time_zone'])}: there is no time zone ${timeZone}`, {
      hint: 'names are as in /usr/share/zoneinfo: Europe/Berlin, UTC',
    });
  }
  for (const [job, times] of Object.entries(given.schedules ?? {})) {
    for (const time of times === 'none' || times === undefined ? [] : times) {
      try {
        parseCronSchedule(time, timeZone);
      } catch (error) {
        const where = place(['agent', 'schedules', job]);
        throw new DeployError('config-invalid', `${where}: '${time}' is no schedule: ${messageOf(error)}`, {
          hint: "minute, hour, day of month, month, day of week: '30 3 * * *' is each day at 03:30",
        });
      }
    }
  }
};

/** @throws DeployError 'config-invalid', naming what is no time zone or no schedule */
export const resolveAgent = async (
  given: AgentInput = {},
  { resolver, hasDatabase }: { readonly resolver: Resolver; readonly hasDatabase: boolean },
): Promise<AgentConfig> => {
  const timeZone = given.time_zone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (given.time_zone !== undefined || given.schedules !== undefined) await assertUsable(given, timeZone, resolver);
  const timesOf = (job: Job): readonly string[] => {
    const times = given.schedules?.[job] ?? (hasDatabase || !OF_DATABASES.includes(job) ? DEFAULTS[job] : 'none');
    return times === 'none' ? [] : times;
  };
  return {
    timeZone,
    jitterMs: given.jitter ?? 0,
    catchUp: given.catch_up ?? true,
    schedules: Object.fromEntries(JOBS.map((job) => [job, timesOf(job)])) as AgentConfig['schedules'],
    watchReleaseMs: given.watch_release ?? 10 * 60_000,
    diskFullPercent: given.disk_full ?? 90,
  };
};
