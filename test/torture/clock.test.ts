import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../support/command.ts';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture } from '../support/torture.ts';
import { makeWallClock, type WallClock } from '../support/wall-clock.ts';

// The wall clock is for people's eyes. Whatever it does, what is waited for takes its own time, and what came first is
// told by numbers.

const torture = openTorture('clock');
const DAY_MS = 24 * 60 * 60 * 1000;
const BUDGET_SECONDS = 15;

interface Backup {
  readonly id: string;
  readonly createdAt: string;
}

interface Operation {
  readonly id: string;
  readonly startedAt: string;
  readonly durationMs: number;
}

describe('a wall clock that jumps by a day', () => {
  let stack: Stack;
  let clock: WallClock;

  beforeAll(async () => {
    clock = await makeWallClock();
    stack = await makeStack({ variables: { MAX_ATTEMPTS: String(BUDGET_SECONDS) } });
    await stack.write('kaleem-deploy.yml', 'stability: 500ms\nbackup: {keep_last: 3}\n');
    expectExit(await stack.run('v0.0.1'), 0);
    expectExit(await stack.run('v0.0.2'), 0);
  });
  afterAll(async () => {
    await stack?.cleanup();
    await clock?.remove();
  });

  /** Runs the tool on that clock; the jump comes once stderr has a match. */
  const run = async (argv: readonly string[], jump: { readonly at: RegExp; readonly by: string }): Promise<Outcome> => {
    await clock.set('+0');
    const started = stack.startUnder([], clock.variables, ...argv);
    await started.said(jump.at);
    await clock.set(jump.by);
    return started.ended;
  };

  /** The whole run on a clock that is wrong by that much. */
  const runAt = async (offset: string, ...argv: readonly string[]): Promise<Outcome> => {
    await clock.set(offset);
    return stack.startUnder([], clock.variables, ...argv).ended;
  };

  /** How far the wall clock went between the first line of the last journal and its last one. */
  const wallMs = async (): Promise<number> => {
    const { id } = await lastOperation(stack);
    const text = await readFile(join(stack.directory, '.kaleem/operations', id, 'journal.jsonl'), 'utf8');
    const times = text.split('\n').flatMap((line) => /"at":"([^"]+)"/.exec(line)?.[1] ?? []);
    return Date.parse(times.at(-1) ?? '') - Date.parse(times[0] ?? '');
  };

  const jumps = ['+1d', '-1d'].flatMap((by) =>
    [/raise the fence/, /back up the database/, /start v/, /verify v/].map((at) => ({ by, at })),
  );
  let live = 'v0.0.2';

  it.each(torture.sample(jumps, 2))('$by at "$at" changes nothing in a deploy', async (jump) => {
    const next = live === 'v0.0.2' ? 'v0.0.1' : 'v0.0.2';
    const started = performance.now();
    expectExit(await run([next, '-v'], jump), 0);
    live = next;
    const elapsed = performance.now() - started;
    const jumped = await wallMs();
    expect(Math.sign(jumped)).toBe(jump.by.startsWith('+') ? 1 : -1);
    expect(Math.abs(jumped)).toBeGreaterThan(DAY_MS - 10 * 60_000);
    const [operation] = (await stack.run('history', '-n', '1', '--json')).json as readonly Operation[];
    expect(operation?.durationMs).toBeGreaterThan(0);
    expect(operation?.durationMs).toBeLessThanOrEqual(elapsed);
    const [release] = (await stack.run('releases', '--json')).json as readonly { tag: string; downtimeMs: number }[];
    expect(release?.tag).toBe(next);
    expect(release?.downtimeMs).toBeGreaterThan(0);
    expect(release?.downtimeMs).toBeLessThanOrEqual(elapsed);
    await expectServes(stack, next);
    await expectEnvTag(stack, next);
  });

  it.each(torture.sample(['+1d', '-1d'], 1))('%s neither shortens nor stretches how long is waited', async (by) => {
    const started = performance.now();
    const outcome = await run(['v0.0.4-hang', '-v'], { at: /start v0\.0\.4-hang/, by });
    const elapsed = performance.now() - started;
    expectExit(outcome, 20);
    expect(outcome.stderr).toMatch(new RegExp(`api is not healthy after ${BUDGET_SECONDS} s|api is unhealthy`));
    // The budget of the bad version, and then at most that of the old one.
    expect(elapsed).toBeLessThan(120_000);
    await expectServes(stack, live);
  });

  it('does not change what is first and last: backups, history, retention and rollback go by numbers', async () => {
    for (const offset of ['+1d', '-1d', '+0']) expectExit(await runAt(offset, 'backup', 'create'), 0);
    const backups = (await stack.run('backup', 'list', '--json')).json as readonly Backup[];
    const ids = backups.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort().reverse());
    const [now = 0, back = 0, ahead = 0] = backups.map(({ createdAt }) => Date.parse(createdAt));
    expect(back).toBeLessThan(now);
    expect(ahead).toBeGreaterThan(now);

    expectExit(await runAt('-1d', 'backup', 'prune', '--yes'), 0);
    const kept = ((await stack.run('backup', 'list', '--json')).json as readonly Backup[]).map(({ id }) => id);
    expect(kept.slice(0, 3)).toEqual(ids.slice(0, 3));

    const history = (await stack.run('history', '--json')).json as readonly Operation[];
    const operations = history.map(({ id }) => id);
    expect(operations).toEqual([...operations].sort().reverse());
    const starts = history.map(({ startedAt }) => startedAt);
    expect(starts).not.toEqual([...starts].sort().reverse());

    const before = live === 'v0.0.2' ? 'v0.0.1' : 'v0.0.2';
    expectExit(await runAt('-1d', 'rollback', '--yes'), 0);
    await expectServes(stack, before);
    expect(((await stack.run('releases', '--json')).json as readonly { tag: string }[])[0]?.tag).toBe(before);
  });
});
