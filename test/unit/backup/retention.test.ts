import { describe, expect, test } from 'vitest';
import { type Candidate, chooseForPrune } from '../../../src/backup/retention.ts';
import type { KeepPolicy } from '../../../src/config/config.ts';

const NONE: KeepPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null };
const NO_SPAN = { years: 0, months: 0, days: 0, hours: 0 };

/** A good, verified backup of a local time: `2026-11-20 05:30`. */
const at = (id: string, time: string | null = null, fields: Partial<Candidate> = {}): Candidate => ({
  ...{ id, kind: 'whole', problem: null, verified: true, pinned: null },
  createdAt: time === null ? null : new Date(time.replace(' ', 'T')).toISOString(),
  ...fields,
});

const choose = (entries: readonly Candidate[], rules: Partial<KeepPolicy>, ...needed: string[]) =>
  chooseForPrune(entries, { policy: { ...NONE, ...rules }, needed: new Set(needed) });
const kept = (...given: Parameters<typeof choose>): readonly string[] => choose(...given).keep.map(({ id }) => id);
const reasons = (...given: Parameters<typeof choose>): Readonly<Record<string, string>> =>
  Object.fromEntries(choose(...given).keep.map(({ id, reason }) => [id, reason]));

describe('what is never removed', () => {
  const five = ['5', '4', '3', '2', '1'].map((id) => at(id));
  test('the newest good one, though no rule wants it', () => {
    expect(choose(five, {})).toEqual({
      keep: [{ id: '5', reason: 'the newest' }],
      remove: ['4', '3', '2', '1'].map((id) => ({ id, reason: 'no rule keeps it, and nothing needs it' })),
    });
  });
  test('the newest that was verified', () => {
    const entries = [at('3', null, { verified: false }), at('2', null, { verified: false }), at('1')];
    expect(reasons(entries, {})).toEqual({ 3: 'the newest', 1: 'the newest that was verified' });
  });
  test('one that a release needs', () => {
    expect(reasons(five, { last: 2 }, '2')).toMatchObject({ 2: 'a release or an operation needs it' });
  });
  test('one that is pinned, with or without a reason', () => {
    const entries = [at('3'), at('2', null, { pinned: '' }), at('1', null, { pinned: 'audit' })];
    expect(reasons(entries, {})).toEqual({ 3: 'the newest', 2: 'pinned', 1: 'pinned: audit' });
  });
  test('one with a problem, which does not count as good', () => {
    const entries = [at('5', null, { problem: 'damaged' }), at('4'), at('3')];
    expect(choose(entries, { last: 1 })).toMatchObject({
      keep: [
        { id: '5', reason: 'left for you to decide: damaged' },
        { id: '4', reason: 'the newest; among the last 1' },
      ],
      remove: [{ id: '3' }],
    });
  });
  test('nothing of nothing', () => {
    expect(choose([], { last: 3 })).toEqual({ keep: [], remove: [] });
  });
});

describe('rules', () => {
  // Newest first; the 16th is a Monday.
  const month = [
    at('9', '2026-11-20 18:10'),
    at('8', '2026-11-20 18:05'),
    at('7', '2026-11-20 05:00'),
    at('6', '2026-11-19 05:00'),
    at('5', '2026-11-16 05:00'),
    at('4', '2026-11-15 05:00'),
    at('3', '2026-10-31 05:00'),
    at('2', '2026-10-01 05:00'),
    at('1', '2025-12-31 05:00'),
  ];
  test.each<[string, Partial<KeepPolicy>, readonly string[]]>([
    ['the last N', { last: 3 }, ['9', '8', '7']],
    ['the newest of each hour that has one', { hourly: 2 }, ['9', '7']],
    ['the newest of each day that has one, days without none left out', { daily: 3 }, ['9', '6', '5']],
    ['the newest of each week, from Monday', { weekly: 2 }, ['9', '4']],
    ['the newest of each month', { monthly: 2 }, ['9', '3']],
    ['the newest of each year', { yearly: 1 }, ['9']],
    ['the oldest too, while places are left', { monthly: 5 }, ['9', '3', '1']],
    ['all within a span before the newest', { within: { ...NO_SPAN, days: 1 } }, ['9', '8', '7']],
    ['a span of months, by the calendar', { within: { ...NO_SPAN, months: 1 } }, ['9', '8', '7', '6', '5', '4', '3']],
    ['one rule or the other', { last: 1, monthly: 2 }, ['9', '3']],
  ])('%s', (_, rules, expected) => {
    expect(kept(month, rules)).toEqual(expected);
  });
  test('each says why', () => {
    expect(reasons(month, { last: 1, daily: 2, weekly: 9, yearly: 9, within: { ...NO_SPAN, hours: 14 } })).toEqual({
      9: 'the newest; among the last 1; daily: the last of 2026-11-20; weekly: the last of 2026-W47; yearly: the last of 2026; within 14h of the newest',
      8: 'within 14h of the newest',
      7: 'within 14h of the newest',
      6: 'daily: the last of 2026-11-19',
      4: 'weekly: the last of 2026-W46',
      3: 'weekly: the last of 2026-W44',
      2: 'weekly: the last of 2026-W40',
      1: 'weekly: the last of 2026-W01; yearly: the last of 2025',
    });
  });
  test('weeks belong to the year of their Thursday', () => {
    const days = [at('3', '2027-01-03 05:00'), at('2', '2026-12-31 05:00'), at('1', '2026-12-27 05:00')];
    expect(reasons(days, { weekly: 5 })).toMatchObject({
      3: 'the newest; weekly: the last of 2026-W53',
      1: 'weekly: the last of 2026-W52',
    });
  });
  test('the oldest of a period that is kept already stays when places are left', () => {
    const days = [at('2', '2026-11-20 18:00'), at('1', '2026-11-20 05:00')];
    expect(reasons(days, { daily: 7 })).toMatchObject({ 1: 'daily: the oldest' });
  });
  test('copies taken aside are counted apart, and never push a real one out', () => {
    const aside = (id: string) => at(id, null, { kind: 'aside' });
    expect(choose([aside('6'), aside('5'), aside('4'), at('3'), at('2'), at('1')], { last: 2 })).toMatchObject({
      keep: [{ id: '6' }, { id: '5' }, { id: '3', reason: 'the newest; among the last 2' }, { id: '2' }],
      remove: [{ id: '4' }, { id: '1' }],
    });
    expect(kept([aside('2'), aside('1')], {})).toEqual(['2']);
  });
  test('so are partial ones, which never stand for the newest while there is a whole one', () => {
    const partial = (id: string) => at(id, null, { kind: 'partial' });
    expect(choose([partial('6'), partial('5'), partial('4'), at('3'), at('2')], { last: 2 })).toMatchObject({
      keep: [{ id: '6' }, { id: '5' }, { id: '3', reason: 'the newest; among the last 2' }, { id: '2' }],
      remove: [{ id: '4' }],
    });
    expect(kept([partial('3'), at('2'), partial('1')], {})).toEqual(['2']);
    expect(kept([partial('2'), partial('1')], {})).toEqual(['2']);
  });
  test('a wrong clock hides nothing: what is without a time is counted by its place', () => {
    expect(kept([at('2'), at('1')], { last: 2, daily: 3 })).toEqual(['2', '1']);
  });
});
