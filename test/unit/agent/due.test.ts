import { describe, expect, it } from 'vitest';
import { decide, jitterOf, nextTime, type Timetable } from '../../../src/agent/due.ts';
import { parseCronSchedule } from '../../../src/system/cron-schedule.ts';

const timetable = (given: Partial<Timetable> = {}, ...times: readonly string[]): Timetable => ({
  schedules: (times.length === 0 ? ['0 3 * * *'] : times).map((time) => parseCronSchedule(time, 'UTC')),
  ...{ jitterMs: 0, salt: 'host backup', catchUp: true },
  ...given,
});
const at = (text: string): Date => new Date(`${text}Z`);
const when = (after: string, now: string, since = after) => ({ after: at(after), now: at(now), since: at(since) });

describe('what is to be done', () => {
  it('waits for the next time', () => {
    expect(decide(timetable(), when('2026-03-01T03:00', '2026-03-01T12:00'))).toEqual({
      ...{ type: 'wait', until: at('2026-03-02T03:00') },
    });
  });

  it('is done at its time, and late where somebody was there but busy', () => {
    const done = { type: 'run', due: at('2026-03-02T03:00'), missed: false };
    expect(decide(timetable(), when('2026-03-01T03:00', '2026-03-02T03:00'))).toEqual(done);
    expect(decide(timetable(), when('2026-03-01T03:00', '2026-03-02T17:00'))).toEqual(done);
  });

  it('that was missed is done once, for the last time', () => {
    const missed = when('2026-03-01T03:00', '2026-03-05T12:00', '2026-03-05T11:59');
    expect(decide(timetable(), missed)).toEqual({ type: 'run', due: at('2026-03-05T03:00'), missed: true });
    expect(decide(timetable({ catchUp: false }), missed)).toEqual({
      ...{ type: 'skip', due: at('2026-03-05T03:00'), missed: true },
    });
  });

  it('is one run after an absence of years, too', () => {
    const long = when('2020-01-01T00:00', '2026-03-05T12:00', '2026-03-05T11:59');
    expect(decide(timetable({}, '* * * * *'), long)).toEqual({
      type: 'run',
      due: at('2026-03-05T12:00'),
      missed: true,
    });
    expect(decide(timetable({ catchUp: false }, '* * * * *'), long)).toMatchObject({ type: 'skip' });
  });

  it('comes by the first of several schedules', () => {
    const both = timetable({}, '0 3 * * *', '30 2 * * 1');
    expect(nextTime(both, at('2026-03-01T12:00'))).toEqual(at('2026-03-02T02:30'));
    expect(decide(timetable({ schedules: [] }), when('2026-03-01T03:00', '2026-03-02T03:00'))).toBeNull();
  });

  it('begins anew where the wall clock was put back by a day, and only goes on where it was by a little', () => {
    const far = when('2026-03-03T03:00', '2026-03-02T02:00');
    expect(decide(timetable(), far)).toEqual({ type: 'wait', until: at('2026-03-02T03:00') });
    const near = when('2026-03-02T03:00', '2026-03-02T02:59');
    expect(decide(timetable(), near)).toEqual({ type: 'wait', until: at('2026-03-03T03:00') });
  });
});

describe('jitter', () => {
  const hour = timetable({ jitterMs: 3_600_000 });
  const due = at('2026-03-02T03:00');

  it('is the same each time for one time, and another for others', () => {
    const spread = jitterOf(hour, due);
    expect(spread).toBe(jitterOf(hour, due));
    expect(spread).not.toBe(jitterOf(hour, at('2026-03-03T03:00')));
    expect(spread).not.toBe(jitterOf({ ...hour, salt: 'other backup' }, due));
    expect(spread).toBeGreaterThanOrEqual(0);
    expect(spread).toBeLessThan(3_600_000);
  });

  it('puts a run off, and does not make it missed', () => {
    const begins = new Date(due.getTime() + jitterOf(hour, due));
    const from = { after: at('2026-03-01T03:00'), since: at('2026-03-02T03:00') };
    const before = new Date(begins.getTime() - 1);
    expect(decide(hour, { ...from, now: before })).toEqual({ type: 'wait', until: begins });
    expect(decide(hour, { ...from, now: begins })).toEqual({ type: 'run', due, missed: false });
    expect(decide(hour, { ...from, since: new Date(begins.getTime() + 1), now: at('2026-03-02T05:00') })).toMatchObject(
      {
        ...{ type: 'run', missed: true },
      },
    );
  });
});
