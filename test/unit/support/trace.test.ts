import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseHits, type Hit, instantsOf, pointOf, readTrace } from '../../support/trace.ts';

const hitsOf = (text: string): readonly Hit[] => {
  const counts = new Map<string, number>();
  return text
    .trim()
    .split(/\s+/)
    .map((name) => {
      const hit = (counts.get(name) ?? 0) + 1;
      counts.set(name, hit);
      return { name, hit };
    });
};

const EFFECT = `
  effect.a.intent journal.append.before journal.append.written journal.append.after
  effect.a.run docker.stop.before command.started docker.stop.after
  effect.a.result journal.append.before journal.append.written journal.append.after
`;

test('a trace is that of the process that met the most', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-trace-'));
  const path = join(folder, 'trace');
  await writeFile(path, '7 a.before#1\n8 a.before#1\n8 a.after#1\nrubbish\n8 a.bef');
  expect(await readTrace(path)).toEqual({
    pid: 8,
    hits: [
      { name: 'a.before', hit: 1 },
      { name: 'a.after', hit: 1 },
    ],
  });
  await rm(folder, { recursive: true });
  expect(await readTrace(path)).toEqual({ pid: 0, hits: [] });
});

test('hits with nothing between them are one instant', () => {
  expect(instantsOf(hitsOf(EFFECT)).map((instant) => instant.map(pointOf))).toEqual([
    ['effect.a.intent#1', 'journal.append.before#1'],
    ['journal.append.written#1'],
    ['journal.append.after#1', 'effect.a.run#1', 'docker.stop.before#1'],
    ['command.started#1'],
    ['docker.stop.after#1', 'effect.a.result#1', 'journal.append.before#2'],
    ['journal.append.written#2'],
    ['journal.append.after#2'],
  ]);
  // An effect that has no point of its own is between `run` and `result` all the same.
  expect(instantsOf(hitsOf('effect.a.run effect.a.result'))).toHaveLength(2);
});

test('each name is chosen first, last and in between, an instant only once', () => {
  const hits = hitsOf(EFFECT.repeat(5));
  const chosen = chooseHits(hits, () => 0.5);
  const names = new Set(
    instantsOf(hits)
      .flatMap((instant) => (instant.some((hit) => chosen.includes(hit)) ? instant : []))
      .map(({ name }) => name),
  );
  expect([...names].sort()).toEqual([...new Set(hits.map(({ name }) => name))].sort());
  for (const name of ['command.started', 'journal.append.written']) {
    const count = name === 'command.started' ? 5 : 10;
    const own = chosen.filter((hit) => hit.name === name).map(({ hit }) => hit);
    expect([name, own]).toEqual([name, [1, 1 + Math.floor((count - 2) / 2) + 1, count]]);
  }
  for (const instant of instantsOf(hits)) expect(instant.filter((hit) => chosen.includes(hit)).length).toBeLessThan(2);
  expect([...chosen].sort((a, b) => hits.indexOf(a) - hits.indexOf(b))).toEqual(chosen);
});

test('a name that is met once or twice is chosen once or twice', () => {
  expect(chooseHits(hitsOf('a.written b.written b.written'), () => 0.9).map(pointOf)).toEqual([
    'a.written#1',
    'b.written#1',
    'b.written#2',
  ]);
});
