import { CronTime } from 'cron';

/** When something is to be done again and again. */
export interface CronSchedule {
  /** The first moment after `after`. */
  next(after: Date): Date;
}

const DAY_MS = 86_400_000;

export const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
};

/** Milliseconds by which clocks are ahead of UTC at an instant (milliseconds since 1970). */
type Offset = (instant: number) => number;

const offsetIn = (timeZone: string): Offset => {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const of = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
    return shown - Math.floor(instant / 1000) * 1000;
  };
};

/** The first instant at which clocks are no longer as they are at `from`; they are not at `to`. */
const changeBetween = (from: number, to: number, offset: Offset): number => {
  const shift = offset(from);
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle) === shift) low = middle;
    else high = middle;
  }
  return high;
};

/**
 * The instant at which a clock shows `wall` (milliseconds, as if it were UTC), the first where it does twice; where it never
 * does, the one at which it is put forward past it.
 */
const instantOf = (wall: number, offset: Offset): number => {
  const [before, after] = [offset(wall - DAY_MS), offset(wall + DAY_MS)];
  for (const shift of [before, after]) if (offset(wall - shift) === shift) return wall - shift;
  return changeBetween(wall - after, wall - before, offset);
};

/** What a schedule is, where it is none. */
const FIELDS = 'five fields, as in a crontab: minute, hour, day of month, month, day of week';

/**
 * A schedule of five fields (crontab(5)) by the clocks of a time zone. Where clocks are put forward, what falls into the skipped hour
 * comes at its end; where they are put back, a time of day comes once, and what comes each hour (an hour of `*`, or of `*` with a step)
 * goes on coming.
 *
 * @throws Error, saying what is wrong, where it is none, or one that never comes
 */
export const parseCronSchedule = (text: string, timeZone: string): CronSchedule => {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`it has to have ${FIELDS}`);
  const offset = offsetIn(timeZone);
  // Of the calendar alone: what clocks do is looked after here.
  const cron = new CronTime(fields.join(' '), 'UTC');
  const nextWall = (wall: number): number => cron.getNextDateFrom(new Date(wall), 'UTC').toMillis();

  /** By clocks that go on as they go now, from one change of theirs to the next. */
  const nextOfEachHour = (after: number): number => {
    // From `at` on: the first instant of other clocks may be one itself.
    for (let at = after + 1; ; ) {
      const shift = offset(at);
      const instant = nextWall(at - 1 + shift) - shift;
      if (offset(instant) === shift) return instant;
      at = changeBetween(at, instant, offset);
    }
  };
  const nextTimeOfDay = (after: number): number => {
    // Where clocks were just put back, this is behind what has come already.
    for (let wall = after + offset(after); ; ) {
      wall = nextWall(wall);
      const instant = instantOf(wall, offset);
      if (instant > after) return instant;
    }
  };
  const next = fields[1]?.startsWith('*') ? nextOfEachHour : nextTimeOfDay;
  try {
    next(Date.now());
  } catch (error) {
    throw new Error('it never comes', { cause: error });
  }
  // Who waits asks the same again and again, and a calendar is slow to leaf through.
  let known = { after: Number.NaN, next: Number.NaN };
  return {
    next(after) {
      const at = after.getTime();
      if (known.after !== at) known = { after: at, next: next(at) };
      return new Date(known.next);
    },
  };
};
