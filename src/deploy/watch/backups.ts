import { isWhole, listBackups } from '../../backup/catalogue.ts';
import { listOperations } from '../../operation/operations.ts';
import { findState } from '../../operation/state.ts';
import { parseCronSchedule } from '../../system/cron-schedule.ts';
import type { AppOptions } from '../app-options.ts';
import type { Look } from './look.ts';

const HOUR_MS = 3_600_000;
/** As many runs ahead are looked at: a pattern of weekdays repeats within them. */
const RUNS = 20;

/** The longest time between two runs, in milliseconds, as far as can be seen from `now`. */
export const longestInterval = (times: readonly string[], timeZone: string, now: Date): number => {
  const runs = times.flatMap((time) => {
    const schedule = parseCronSchedule(time, timeZone);
    const found = [schedule.next(now)];
    while (found.length < RUNS) found.push(schedule.next(found.at(-1) ?? now));
    return found.map((at) => at.getTime());
  });
  const seen = runs.sort((a, b) => a - b).slice(0, RUNS);
  return Math.max(...seen.slice(1).map((at, index) => at - (seen[index] ?? at)));
};

const hours = (ms: number): string => {
  const count = Math.round(ms / HOUR_MS);
  return count < 48 ? `${Math.max(1, count)} h` : `${Math.round(count / 24)} days`;
};

/** Whether the newest backup that was read from end to end and found good is younger than two runs of the schedule. */
export const lookAtBackups = async ({ config, clock }: AppOptions): Promise<Look> => {
  const { timeZone, schedules } = config.agent;
  if (config.database === null) return { status: 'skipped', detail: 'there is no database' };
  if (schedules.backup.length === 0) return { status: 'skipped', detail: 'no backups are scheduled' };
  const now = clock.now();
  const allowed = 2 * longestInterval(schedules.backup, timeZone, now);
  const good = (await listBackups(config.backup.directory)).find(
    (entry) => isWhole(entry) && entry.manifest.partial === undefined && entry.marks.verified !== null,
  );
  if (good?.manifest) {
    const age = now.getTime() - Date.parse(good.manifest.createdAt);
    const detail = `the newest verified backup, ${good.id}, is ${hours(age)} old`;
    if (age <= allowed) return { status: 'ok', detail };
    return { status: 'bad', detail: `${detail}; there should be one each ${hours(allowed / 2)}`, hint: BACK_UP };
  }
  const state = await findState(config.stateDirectory);
  const first = state === null ? undefined : (await listOperations(state)).at(-1);
  const since = first === undefined ? now.getTime() : Date.parse(first.startedAt);
  if (now.getTime() - since <= allowed) return { status: 'ok', detail: 'there is none yet, and none is overdue' };
  return { status: 'bad', detail: `there is no verified backup in ${config.backup.directory}`, hint: BACK_UP };
};

const BACK_UP = 'kaleem-deploy history says what became of the last ones; kaleem-deploy backup create';
