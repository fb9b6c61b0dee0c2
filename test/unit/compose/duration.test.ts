import { expect, test } from 'vitest';
import { durationMs } from '../../../src/compose/duration.ts';

test.each([
  ['10s', 10_000],
  ['1m30s', 90_000],
  ['1m0s', 60_000],
  ['1h2m3s', 3_723_000],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['1s500ms', 1_500],
  ['0s', 0],
  ['', null],
  ['10', null],
  ['s', null],
  ['10 s', null],
])('%s is %s ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
