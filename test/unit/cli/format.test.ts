import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatDuration,
  plural,
  printable,
  shortDigest,
} from '../../../src/cli/render/format.ts';
import { table } from '../../../src/cli/render/table.ts';
import { NOW } from './support.ts';

describe('durations', () => {
  it.each([
    [0, '0.0s'],
    [-5, '0.0s'],
    [49, '0.0s'],
    [50, '0.1s'],
    [1_234, '1.2s'],
    [59_949, '59.9s'],
    [59_950, '1m 00s'],
    [65_000, '1m 05s'],
    [3_599_499, '59m 59s'],
    [3_599_500, '1h 00m'],
    [7_380_000, '2h 03m'],
    [360_000_000, '100h 00m'],
  ])('%i ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [9_949, '9.9 kB'],
    [9_950, '10 kB'],
    [34_000_000, '34 MB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [2_100_000_000, '2.1 GB'],
    [5e18, '5000 PB'],
  ])('%i is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('times', () => {
  const before = (seconds: number): string => new Date(NOW.getTime() - seconds * 1_000).toISOString();
  it.each([
    [-3_600, 'just now'],
    [0, 'just now'],
    [4, 'just now'],
    [5, '5 s ago'],
    [59, '59 s ago'],
    [60, '1 min ago'],
    [3_599, '59 min ago'],
    [3_600, '1 h ago'],
    [172_799, '47 h ago'],
    [172_800, '2 days ago'],
    [30 * 86_400, '30 days ago'],
    [30 * 86_400 + 1, '2026-01-30'],
  ])('%i s before is %s', (seconds, text) => expect(formatAgo(before(seconds), NOW)).toBe(text));
  it('that are none stay as they are', () => expect(formatAgo('yesterday', NOW)).toBe('yesterday'));
});

describe('words', () => {
  it('have a plural', () => {
    expect([plural(0, 'check'), plural(1, 'check'), plural(2, 'check')]).toEqual(['0 checks', '1 check', '2 checks']);
  });
  it('digests are shortened, other text is not', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab');
    expect(shortDigest('latest')).toBe('latest');
  });
  it('of others lose what moves a terminal', () => {
    expect(printable('\u001b[1;31mred\u001b[0m\u001b[2K\r\nb\tc\u0000\u0007\u009b1md\u007f')).toBe('red\nb  c1md');
  });
});

describe('a table', () => {
  it('has aligned columns and nothing trailing', () => {
    expect(
      table(
        [{ title: 'NAME' }, { title: 'SIZE', align: 'right' }, { title: 'NOTE' }],
        [
          ['a', '5 B', 'x'],
          ['longer name', '1000 B', ''],
          ['b', null, 'a long note'],
        ],
      ),
    ).toEqual([
      'NAME           SIZE  NOTE',
      'a               5 B  x',
      'longer name  1000 B  -',
      'b                 -  a long note',
    ]);
  });
});
