import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentSaid, agentEvents } from '../support/agent-events.ts';
import { start } from '../support/command.ts';
import { expectExit } from '../support/expectations.ts';
import { builtTool } from '../support/machine.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture, say } from '../support/torture.ts';

// The agent's own process lives through a day in minutes, commands and all: each time of a schedule has its run, once,
// whatever the clocks do and wherever the agent was away.

const torture = openTorture('agent day');
const HASTY = fileURLToPath(new URL('../support/hasty-clock.cjs', import.meta.url));
const SPEED = 120;
const [MINUTE, HOUR] = [60_000, 3_600_000];

interface Day {
  readonly name: string;
  readonly from: string;
  readonly hours: number;
  /** When half past two is. */
  readonly night: readonly string[];
  /** What comes while the agent is away. */
  readonly missed: readonly string[];
}
/** Berlin's clocks go back on 25 October 2026 at 01:00 UTC, and forward on 29 March 2026 at 01:00 UTC. */
const DAYS: readonly Day[] = torture.either<readonly Day[]>(
  [
    {
      ...{ name: 'the end of summer time', from: '2026-10-24T22:01:00Z', hours: 25.15 },
      ...{ night: ['2026-10-25T00:30:00.000Z'], missed: ['backup', 'watch'] },
    },
    {
      ...{ name: 'its beginning', from: '2026-03-28T23:01:00Z', hours: 23.15 },
      ...{ night: ['2026-03-29T01:00:00.000Z'], missed: ['backup', 'drill', 'prune', 'watch'] },
    },
  ],
  [{ name: 'the end of summer time', from: '2026-10-25T00:41:00Z', hours: 0.95, night: [], missed: [] }],
);
const SCHEDULES = `
stability: 0s
backup: { keep_last: 3 }
agent:
  time_zone: Europe/Berlin
  jitter: 0s
  watch_release: 0s
  schedules:
    backup: '0 * * * *'
    verify: '30 2 * * *'
    drill: '45 12 * * *'
    prune: '20 */6 * * *'
    watch: '*/20 * * * *'
`;

/** The times between two moments, each so many milliseconds, on the hour. */
const times = (from: number, to: number, everyMs: number): readonly string[] => {
  const found: string[] = [];
  for (let at = Math.ceil((from + 1) / everyMs) * everyMs; at <= to; at += everyMs) {
    found.push(new Date(at).toISOString());
  }
  return found;
};

describe('the agent on a day', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack({ checks: 'cheap' });
    await stack.write('kaleem-deploy.yml', SCHEDULES);
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(() => stack?.cleanup());

  const began = async (): Promise<number> =>
    ((await stack.run('history', '--json', '-n', '1000')).json as readonly { readonly kind: string }[]).filter(
      ({ kind }) => kind === 'backup',
    ).length;

  it.each(DAYS)(
    'with $name runs everything once, nothing beside another, and makes up for what it missed',
    async ({ from, hours, night, missed }) => {
      await rm(join(stack.directory, '.kaleem/agent.json'), { force: true });
      const [begin, origin] = [Date.parse(from), Date.now()];
      const now = (): number => begin + (Date.now() - origin) * SPEED;
      const end = begin + hours * HOUR;
      const until = async (time: number): Promise<void> => {
        while (now() < time) await sleep(Math.min(1_000, (time - now()) / SPEED));
      };
      const before = await began();
      const live = async (to: number): Promise<readonly AgentSaid[]> => {
        const variables = {
          ...{ KALEEM_CLOCK_START: String(begin), KALEEM_CLOCK_ORIGIN: String(origin) },
          ...{ KALEEM_CLOCK_SPEED: String(SPEED), PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
        };
        const agent = start([process.execPath, '--require', HASTY, builtTool(), 'agent', '--json'], {
          ...{ cwd: stack.directory, env: variables, timeoutMs: HOUR },
        });
        await until(to);
        agent.signal('SIGKILL');
        return agentEvents((await agent.ended).stdout);
      };
      // It is killed in the middle of the day, and away for almost three hours.
      const away = torture.full ? { from: begin + 9.3 * HOUR, to: begin + 12 * HOUR } : null;
      const events = [...(await live(away?.from ?? end))];
      if (away !== null) {
        await until(away.to);
        events.push(...(await live(end)));
      }

      const dues = (job: string): readonly (string | undefined)[] =>
        events.filter((each) => each.type === 'began' && each.job === job).map(({ due }) => due);
      /** Of those that came while it was away, the last one stands for all. */
      const wanted = (all: readonly string[]): readonly string[] => {
        if (away === null) return all;
        const inside = all.filter((due) => Date.parse(due) > away.from && Date.parse(due) <= away.to);
        return all.filter((due) => !inside.slice(0, -1).includes(due));
      };
      for (const job of ['backup', 'verify', 'drill', 'prune', 'watch']) {
        say(`torture: agent day: ${job}: ${dues(job).length} runs`);
      }
      expect(dues('backup')).toEqual(wanted(times(begin, end, HOUR)));
      expect(dues('watch')).toEqual(wanted(times(begin, end, 20 * MINUTE)));
      expect(dues('verify')).toEqual(night);
      expect(dues('drill')).toHaveLength(torture.either(1, 0));
      expect(new Set(dues('prune')).size).toBe(dues('prune').length);
      expect(dues('prune')).toHaveLength(torture.either(4, 0));

      let running: string | undefined;
      for (const { type, job, exitCode } of events) {
        if (job === 'watch') continue;
        if (type === 'began') {
          expect(running).toBeUndefined();
          running = job;
        }
        if (type === 'ended') {
          expect({ job, exitCode }).toEqual({ job: running, exitCode: 0 });
          running = undefined;
        }
      }
      expect(running).toBeUndefined();
      expect((await began()) - before).toBe(dues('backup').length);
      expect(
        events
          .filter((each) => each.missed === true)
          .map(({ job }) => job)
          .sort(),
      ).toEqual(missed);
    },
  );
});
