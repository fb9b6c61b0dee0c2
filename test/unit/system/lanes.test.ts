import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inLanes } from '../../../src/system/lanes.ts';

test('plays every item once, with its index, and never more at once than there are lanes', async () => {
  const played: [string, number][] = [];
  let [now, most] = [0, 0];
  await inLanes(['a', 'b', 'c', 'd', 'e'], { lanes: 2 }, async (item, index) => {
    now += 1;
    most = Math.max(most, now);
    await turn();
    played.push([item, index]);
    now -= 1;
  });
  expect(most).toBe(2);
  expect(played.sort()).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 3],
    ['e', 4],
  ]);
});

test('a long item holds up none of the others', async () => {
  const ended: string[] = [];
  let others = () => {};
  const done = new Promise<void>((resolve) => {
    others = resolve;
  });
  await inLanes(['long', 'b', 'c'], { lanes: 2 }, async (item) => {
    if (item === 'long') await done;
    ended.push(item);
    if (ended.length === 2) others();
  });
  expect(ended).toEqual(['b', 'c', 'long']);
});

test('the first failure aborts what is under way, begins nothing more, and is thrown once all has ended', async () => {
  const began: string[] = [];
  const ended: string[] = [];
  const reason = new Error('full');
  const work = inLanes(['fails', 'under way', 'never'], { lanes: 2 }, async (item, _, signal) => {
    began.push(item);
    if (item === 'fails') throw reason;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await turn();
    ended.push(item);
    signal.throwIfAborted();
  });
  await expect(work).rejects.toBe(reason);
  expect(began).toEqual(['fails', 'under way']);
  expect(ended).toEqual(['under way']);
});

test('begins nothing once the given signal is aborted, and rejects with its reason', async () => {
  const reason = new Error('stop');
  const began: number[] = [];
  const stop = new AbortController();
  const work = inLanes([1, 2, 3], { lanes: 1, signal: stop.signal }, async (item) => {
    began.push(item);
    stop.abort(reason);
  });
  await expect(work).rejects.toBe(reason);
  expect(began).toEqual([1]);
});

test('nothing to play is no failure', async () => {
  await expect(inLanes([], { lanes: 3 }, async () => {})).resolves.toBeUndefined();
});
