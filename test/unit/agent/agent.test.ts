import { describe, expect, it } from 'vitest';
import { runAgent } from '../../../src/agent/agent.ts';
import type { AgentRecord } from '../../../src/agent/record.ts';
import { timetablesOf } from '../../../src/agent/timetables.ts';
import type { Ran } from '../../../src/agent/tool.ts';
import type { AgentEvent, AgentWorld, Timetables } from '../../../src/agent/world.ts';
import type { AgentConfig } from '../../../src/config/config.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NO_TIMES: AgentConfig['schedules'] = { backup: [], verify: [], drill: [], prune: [], watch: [] };

const configured = (given: Partial<AgentConfig> = {}): AgentConfig => ({
  ...{ timeZone: 'UTC', jitterMs: 0, catchUp: true, watchReleaseMs: 10 * MINUTE, diskFullPercent: 90 },
  ...{ schedules: NO_TIMES },
  ...given,
});

interface Command {
  readonly what: string;
  readonly from: number;
  to: number | null;
}

/** An agent's world: what it does lasts as long as `lasts` says, and comes to what `comesTo` says. */
const worldOf = (given: {
  readonly config?: Partial<AgentConfig>;
  readonly start?: string;
  readonly record?: AgentRecord;
  readonly lasts?: (what: string) => number;
  readonly comesTo?: (what: string, count: number) => Ran | Error;
  readonly live?: (elapsedMs: number) => string;
}) => {
  const clock = createFakeClock(new Date(given.start ?? '2026-03-02T00:00:00Z'));
  const stop = new AbortController();
  const commands: Command[] = [];
  const events: AgentEvent[] = [];
  const states: string[] = [];
  let record: AgentRecord = given.record ?? {};
  let alive = 0;
  let timetables = (): Timetables => timetablesOf(configured(given.config));
  let reload = (): void => {};
  const counts = new Map<string, number>();
  const world: AgentWorld = {
    ...{ clock, signal: stop.signal, say: (event) => events.push(event) },
    load: async () => timetables(),
    tool: {
      async run(argv, { signal }) {
        const what = argv
          .filter((word) => !word.startsWith('-'))
          .join(' ')
          .replace(/ \d+$/, '');
        const count = (counts.get(what) ?? 0) + 1;
        counts.set(what, count);
        const command: Command = { what, from: clock.monotonic(), to: null };
        commands.push(command);
        await clock.sleep(given.lasts?.(what) ?? 1_000, signal);
        command.to = clock.monotonic();
        const answer = given.comesTo?.(what, count) ?? { exitCode: 0, stdout: '{"recovered":[]}', stderr: '' };
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    supervisor: {
      tell: async (what) => {
        states.push(what);
      },
      alive: async () => {
        alive += 1;
      },
    },
    readRecord: async () => record,
    writeRecord: async (next) => {
      record = next;
    },
    liveRelease: async () => given.live?.(clock.monotonic()) ?? '1',
    onReload: (callBack) => {
      reload = callBack;
    },
  };
  return {
    ...{ clock, commands, events, states, world },
    record: () => record,
    alive: () => alive,
    /** Runs it for so long. */
    async runFor(ms: number) {
      const running = runAgent(world);
      await clock.sleep(ms);
      stop.abort(new Error('stopped'));
      await running;
    },
    reloadAfter(ms: number, next: () => Timetables) {
      void clock.sleep(ms).then(() => {
        timetables = next;
        reload();
      });
    },
    /** When each command of that name began, as ISO 8601 to the minute. */
    begun: (what: string) =>
      commands
        .filter((command) => command.what === what)
        .map(({ from }) => new Date(clock.now().getTime() - clock.monotonic() + from).toISOString().slice(0, 16)),
  };
};

const ALL = {
  backup: ['0 3 * * *'],
  verify: ['0 3 * * *'],
  drill: ['1 3 * * *'],
  prune: ['0 4 * * *'],
  watch: ['*/5 * * * *'],
} as const;

const overlaps = (commands: readonly Command[]): readonly string[] =>
  commands.flatMap((one, index) =>
    commands
      .slice(index + 1)
      .filter((other) => other.from < (one.to ?? Number.POSITIVE_INFINITY))
      .map((other) => `${one.what} and ${other.what}`),
  );

describe('a day of the agent', () => {
  it.each([
    ['an ordinary day', '2026-06-01', 24],
    ['the day on which clocks are put forward', '2026-03-29', 23],
    ['the day on which clocks are put back', '2026-10-25', 25],
  ])('%s: every run once, none at the same time as another', async (_, day, hours) => {
    const start = new Date(`${day}T00:00:00${day === '2026-06-01' || day === '2026-10-25' ? '+02:00' : '+01:00'}`);
    const agent = worldOf({
      ...{
        start: start.toISOString(),
        config: { timeZone: 'Europe/Berlin', schedules: { ...ALL, backup: ['30 2 * * *'] } },
      },
      lasts: (what) => (what === 'watch' || what === 'recover' ? 2_000 : 20 * MINUTE),
    });
    await agent.runFor(hours * HOUR);
    for (const what of ['backup create', 'backup verify', 'backup drill', 'prune']) {
      expect(agent.begun(what), what).toHaveLength(1);
    }
    expect(agent.begun('watch')).toHaveLength(hours * 12 - 1);
    expect(overlaps(agent.commands.filter(({ what }) => what !== 'watch'))).toEqual([]);
    expect(overlaps(agent.commands.filter(({ what }) => what === 'watch'))).toEqual([]);
  });

  it('with two hours away: what was missed is done once, and what is left comes at its time', async () => {
    const schedules = { ...ALL, backup: ['30 1,2,3,4,5 * * *'] };
    const first = worldOf({ start: '2026-06-01T00:00:00Z', config: { schedules } });
    await first.runFor(2 * HOUR);
    const second = worldOf({ start: '2026-06-01T04:10:00Z', config: { schedules }, record: first.record() });
    await second.runFor(19.8 * HOUR);
    expect([...first.begun('backup create'), ...second.begun('backup create')]).toEqual([
      ...['2026-06-01T01:30', '2026-06-01T04:10', '2026-06-01T04:30', '2026-06-01T05:30'],
    ]);
    for (const what of ['backup verify', 'backup drill', 'prune']) {
      expect([...first.begun(what), ...second.begun(what)], what).toHaveLength(1);
    }
    expect(second.events.filter((event) => event.type === 'began' && event.missed)).toHaveLength(4);
  });

  it('that may not catch up leaves out what was missed, and says so', async () => {
    const record: AgentRecord = { backup: { after: '2026-06-01T00:00:00.000Z', last: null } };
    const agent = worldOf({
      ...{
        start: '2026-06-01T12:00:00Z',
        record,
        config: { catchUp: false, schedules: { ...NO_TIMES, backup: ['0 3 * * *'] } },
      },
    });
    await agent.runFor(HOUR);
    expect(agent.begun('backup create')).toEqual([]);
    expect(agent.events).toContainEqual({ type: 'skipped', job: 'backup', due: '2026-06-01T03:00:00.000Z' });
    expect(agent.record().backup?.after).toBe('2026-06-01T03:00:00.000Z');
  });

  it('does nothing for times before it was first there', async () => {
    const agent = worldOf({ start: '2026-06-01T12:00:00Z', config: { schedules: ALL } });
    await agent.runFor(30 * MINUTE);
    expect(agent.commands.map(({ what }) => what)).toEqual(['recover', ...Array<string>(5).fill('watch')]);
  });

  it('goes on when a job fails, hangs on to its turn, or can not even be started', async () => {
    const agent = worldOf({
      start: '2026-06-01T02:00:00Z',
      config: { schedules: { ...NO_TIMES, backup: ['0 * * * *'], prune: ['0 * * * *'] } },
      lasts: (what) => (what === 'prune' ? 90 * MINUTE : 1_000),
      comesTo: (what, count) => {
        if (what !== 'backup create') return { exitCode: 0, stdout: '', stderr: '' };
        if (count === 1) return { exitCode: 30, stdout: '{"error":{"message":"the disk is full"}}', stderr: 'x' };
        return count === 2 ? new Error('spawn EAGAIN') : { exitCode: null, stdout: '', stderr: 'killed\n' };
      },
    });
    await agent.runFor(6 * HOUR);
    const endings = agent.events.filter((event) => event.type === 'ended' && event.job === 'backup');
    expect(endings.map((event) => event.type === 'ended' && [event.exitCode, event.complaint])).toEqual([
      [30, 'the disk is full'],
      [null, 'spawn EAGAIN'],
      [null, 'killed'],
      [null, 'killed'],
    ]);
    // A prune that lasts longer than an hour: the turn after it is for the times that went by.
    expect(agent.begun('prune')).toEqual([
      '2026-06-01T03:00',
      '2026-06-01T04:30',
      '2026-06-01T06:00',
      '2026-06-01T07:30',
    ]);
    expect(overlaps(agent.commands)).toEqual([]);
  });
});

describe('an agent that starts', () => {
  it('recovers before anything else, and waits for Docker with it', async () => {
    const agent = worldOf({
      start: '2026-06-01T02:59:00Z',
      config: { schedules: ALL },
      record: { backup: { after: '2026-05-30T03:00:00.000Z', last: null } },
      comesTo: (what, count) =>
        what === 'recover' && count < 4
          ? { exitCode: 12, stdout: '{"error":{"message":"Docker is not reachable"}}', stderr: '' }
          : { exitCode: 0, stdout: '{"recovered":[{"operation":"000004-a1b2"}]}', stderr: '' },
    });
    await agent.runFor(10 * MINUTE);
    expect(agent.commands.map(({ what }) => what).slice(0, 5)).toEqual([
      ...['recover', 'recover', 'recover', 'recover', 'backup create'],
    ]);
    expect(agent.events.filter(({ type }) => type === 'recovered')).toEqual([
      ...Array.from({ length: 3 }, () => ({ type: 'recovered', exitCode: 12, complaint: 'Docker is not reachable' })),
      { type: 'recovered', exitCode: 0, complaint: null },
    ]);
  });

  it('goes on where a person has to decide', async () => {
    const agent = worldOf({
      start: '2026-06-01T02:59:00Z',
      config: { schedules: ALL },
      comesTo: (what) => ({ exitCode: what === 'recover' ? 21 : 0, stdout: '', stderr: 'error: halted\n' }),
    });
    await agent.runFor(10 * MINUTE);
    expect(agent.begun('recover')).toHaveLength(1);
    expect(agent.begun('backup create')).toHaveLength(1);
    expect(agent.events).toContainEqual({ type: 'recovered', exitCode: 21, complaint: 'error: halted' });
  });

  const cut = (job: 'backup' | 'verify'): AgentRecord => ({
    [job]: {
      after: '2026-06-01T03:00:00.000Z',
      last: { due: '2026-06-01T03:00:00.000Z', begunAt: '2026-06-01T03:00:01.000Z', endedAt: null, exitCode: null },
    },
  });
  const history = (...exitCodes: readonly (number | null)[]): string =>
    JSON.stringify(exitCodes.map((exitCode) => ({ kind: 'backup', startedAt: '2026-06-01T03:00:02.000Z', exitCode })));

  it.each([
    ['again: its operation died', 'backup', history(null), 1],
    ['again: it had not begun', 'backup', history(), 1],
    ['again: nobody knows', 'backup', 'what?', 1],
    ['not again: it went on by itself', 'backup', history(0), 0],
    ['not again: it failed, and has told so', 'backup', history(30), 0],
    ['again: it only reads', 'verify', history(), 1],
  ] as const)('does what was cut short %s', async (_, job, stdout, times) => {
    const agent = worldOf({
      ...{ start: '2026-06-01T03:10:00Z', record: cut(job), config: { schedules: { ...ALL, verify: ['0 3 * * *'] } } },
      comesTo: (what) => ({ exitCode: 0, stdout: what === 'history' ? stdout : '{"recovered":[]}', stderr: '' }),
    });
    await agent.runFor(30 * MINUTE);
    expect(agent.begun(job === 'backup' ? 'backup create' : 'backup verify')).toHaveLength(times);
  });
});

describe('an agent that runs', () => {
  it('tells systemd how it is, and is stopped at once, leaving what it began to itself', async () => {
    const agent = worldOf({ config: { schedules: { ...ALL, backup: ['30 0 * * *'] } }, lasts: () => 5 * HOUR });
    await agent.runFor(HOUR);
    expect(agent.states).toEqual(['ready', 'stopping']);
    expect(agent.alive()).toBeGreaterThanOrEqual(120);
    expect(agent.clock.monotonic()).toBe(HOUR);
    expect(agent.events.at(-1)).toEqual({ type: 'stopped' });
  });

  it('looks closely at a new release for a while', async () => {
    const agent = worldOf({ live: (elapsed) => (elapsed < 20 * MINUTE ? '1' : '2') });
    await agent.runFor(HOUR);
    // Each half minute, for ten minutes.
    expect(agent.begun('watch')).toHaveLength(20);
    expect(agent.events.find(({ type }) => type === 'began')).toEqual({
      ...{ type: 'began', job: 'watch', due: null, missed: false },
    });
    expect(agent.record().watch?.last).toBeNull();
  });

  it('takes a new configuration when it is told to, and keeps the old one where that is none', async () => {
    const agent = worldOf({
      start: '2026-06-01T00:00:00Z',
      config: { schedules: { ...NO_TIMES, backup: ['0 1 * * *'] } },
    });
    agent.reloadAfter(30 * MINUTE, () =>
      timetablesOf(configured({ schedules: { ...NO_TIMES, backup: ['45 0 * * *'] } })),
    );
    agent.reloadAfter(50 * MINUTE, () => {
      throw new Error('kaleem-deploy.yml:3: agent: no');
    });
    await agent.runFor(2 * HOUR);
    expect(agent.begun('backup create')).toEqual(['2026-06-01T00:45']);
    expect(agent.states).toEqual(['ready', 'reloading', 'ready', 'reloading', 'ready', 'stopping']);
    expect(agent.events).toContainEqual({
      type: 'warning',
      text: 'the configuration stays as it was: kaleem-deploy.yml:3: agent: no',
    });
  });

  it('goes on where what it did cannot be written down', async () => {
    const agent = worldOf({ config: { schedules: { ...NO_TIMES, backup: ['0 * * * *'] } } });
    const world: AgentWorld = { ...agent.world, writeRecord: () => Promise.reject(new Error('ENOSPC')) };
    Object.assign(agent.world, world);
    await agent.runFor(2.5 * HOUR);
    expect(agent.begun('backup create')).toHaveLength(2);
    expect(agent.events.some((event) => event.type === 'warning' && event.text.includes('ENOSPC'))).toBe(true);
  });
});
