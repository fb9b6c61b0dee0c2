import { describe, expect, it } from 'vitest';
import { isTimeZone, parseCronSchedule } from '../../../src/system/cron-schedule.ts';

const BERLIN = 'Europe/Berlin';

/** What comes from `from` until before `to`. */
const between = (text: string, zone: string, from: string, to: string): readonly string[] => {
  const schedule = parseCronSchedule(text, zone);
  const found: string[] = [];
  for (let at = schedule.next(new Date(from)); at < new Date(to); at = schedule.next(at)) found.push(at.toISOString());
  return found;
};

describe('a schedule', () => {
  it('comes by the clocks of its zone', () => {
    expect(between('30 3 * * *', BERLIN, '2026-07-01T00:00:00Z', '2026-07-03T00:00:00Z')).toEqual([
      '2026-07-01T01:30:00.000Z',
      '2026-07-02T01:30:00.000Z',
    ]);
    expect(between('0 5 * * 0', 'America/New_York', '2026-01-01T00:00:00Z', '2026-01-12T00:00:00Z')).toEqual([
      '2026-01-04T10:00:00.000Z',
      '2026-01-11T10:00:00.000Z',
    ]);
  });

  it('comes on a day of the month or of the week where both are said', () => {
    expect(between('0 0 13 * 5', 'UTC', '2026-02-10T12:00:00Z', '2026-02-21T00:00:00Z')).toEqual([
      '2026-02-13T00:00:00.000Z',
      '2026-02-20T00:00:00.000Z',
    ]);
  });

  it('is never the moment it is asked from', () => {
    const schedule = parseCronSchedule('0 3 * * *', 'UTC');
    expect(schedule.next(new Date('2026-02-10T03:00:00Z'))).toEqual(new Date('2026-02-11T03:00:00Z'));
    expect(schedule.next(new Date('2026-02-10T02:59:59.999Z'))).toEqual(new Date('2026-02-10T03:00:00Z'));
  });

  // In Berlin, in 2026, clocks go from 02:00 to 03:00 on 29 March (01:00 UTC), and from 03:00 back to 02:00 on 25 October.
  it('comes at the end of an hour that clocks skip', () => {
    const range = ['2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z'] as const;
    expect(between('30 2 * * *', BERLIN, ...range)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    expect(between('15,45 2 * * *', BERLIN, ...range)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:15:00.000Z',
      '2026-03-30T00:45:00.000Z',
    ]);
    expect(between('0 3 * * *', BERLIN, ...range)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T01:00:00.000Z']);
  });

  it('comes once in an hour that clocks show twice', () => {
    const range = ['2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z'] as const;
    expect(between('30 2 * * *', BERLIN, ...range)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
    expect(between('0 3 * * *', BERLIN, ...range)).toEqual(['2026-10-25T02:00:00.000Z', '2026-10-26T02:00:00.000Z']);
    // Asked in the second 02:10.
    const schedule = parseCronSchedule('30 2 * * *', BERLIN);
    expect(schedule.next(new Date('2026-10-25T01:10:00Z'))).toEqual(new Date('2026-10-26T01:30:00Z'));
  });

  it('goes on each hour, and every few minutes, whatever clocks do', () => {
    for (const day of ['2026-03-29', '2026-10-25', '2026-06-01']) {
      const from = `${day}T00:00:00Z`;
      const to = `${day}T04:00:01Z`;
      expect(between('0 * * * *', BERLIN, from, to)).toHaveLength(4);
      const minutes = between('*/5 * * * *', BERLIN, from, to);
      expect(minutes).toHaveLength(48);
      const gaps = minutes.map((at, index) => Date.parse(at) - Date.parse(minutes[index - 1] ?? from));
      expect(new Set(gaps)).toEqual(new Set([300_000]));
    }
    // Even hours: at 02:00 twice.
    expect(between('0 */2 * * *', BERLIN, '2026-10-24T22:30:00Z', '2026-10-25T03:30:00Z')).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ]);
    expect(between('0 */2 * * *', BERLIN, '2026-03-28T23:30:00Z', '2026-03-29T03:00:00Z')).toEqual([
      '2026-03-29T02:00:00.000Z',
    ]);
  });

  it('comes by clocks that are put forward by half an hour, too', () => {
    // Lord Howe: from 02:00 to 02:30 on 4 October 2026, at 15:30 UTC the day before.
    expect(between('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', '2026-10-05T00:00:00Z')).toEqual([
      '2026-10-03T15:30:00.000Z',
      '2026-10-04T15:15:00.000Z',
    ]);
    expect(between('*/15 * * * *', 'Australia/Lord_Howe', '2026-10-03T15:00:00Z', '2026-10-03T16:00:00Z')).toHaveLength(
      3,
    );
  });

  it.each([
    ['', /five fields/],
    ['0 3 * *', /five fields/],
    ['0 0 3 * * *', /five fields/],
    ['60 3 * * *', /out of range/],
    ['0 24 * * *', /out of range/],
    ['*/0 * * * *', /step of zero/],
    ['0 3 * foo *', /alias/],
    ['5-1 * * * *', /range/],
    ['0 0 31 2 *', /never comes/],
    ['x * * * *', /./],
  ])('%j is none', (text, why) => {
    expect(() => parseCronSchedule(text, 'UTC')).toThrow(why);
  });
});

describe('a time zone', () => {
  it.each(['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires'])('%s is one', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });
  it.each(['Berlin', 'Europe/Atlantis', '', '+02:00'])('%j is none', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });
});
