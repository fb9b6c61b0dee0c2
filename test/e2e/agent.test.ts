import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentSaid, agentEvents } from '../support/agent-events.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

/** Runs to the next minute and what it does then, whatever else the machine does. */
const LONG_MS = 150_000;

describe('the agent', () => {
  let stack: Stack;
  let agent: ReturnType<Stack['start']>;

  const events = (): readonly AgentSaid[] => agentEvents(agent.stdout());
  const until = async (what: (all: readonly AgentSaid[]) => boolean): Promise<void> => {
    const deadline = performance.now() + LONG_MS;
    while (!what(events())) {
      if (performance.now() > deadline) throw new Error(`not within ${LONG_MS / 1000} s: ${agent.stdout()}`);
      await delay(200);
    }
  };
  const schedules = (text: string) =>
    stack.write('kaleem-deploy.yml', `stability: 0s\nagent:\n  watch_release: 0s\n  schedules:\n${text}`);
  const NONE = ['verify', 'drill', 'prune'].map((job) => `    ${job}: none\n`).join('');

  beforeAll(async () => {
    stack = await makeStack();
    await schedules(`${NONE}    backup: '* * * * *'\n    watch: '* * * * *'\n`);
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(async () => {
    agent?.signal('SIGKILL');
    await stack?.cleanup();
  });

  it('recovers what died before it was there, backs up and watches at their time, and stops when told', {
    timeout: 2 * LONG_MS,
  }, async () => {
    const deploy = stack.armed({ KALEEM_FAILPOINTS: 'release.live.before=kill' }, 'v0.0.2');
    await deploy.ended;
    expect((await stack.run('status', '--json')).json).toMatchObject({ unfinished: { kind: 'deploy' } });

    agent = stack.start('agent', '--json');
    await until((all) => all.some(({ type }) => type === 'recovered'));
    await expectServes(stack, 'v0.0.1');
    expect(events().find(({ type }) => type === 'recovered')).toMatchObject({ exitCode: 0 });

    const second = await stack.run('agent');
    expectExit(second, 11);
    const doctor = (await stack.run('doctor', '--json')).json as {
      readonly checks: readonly { readonly name: string; readonly detail: string }[];
    };
    expect(doctor.checks.find(({ name }) => name === 'agent')?.detail).toMatch(/^it is running \(process \d+\)$/);

    const ended = (all: readonly AgentSaid[], job: string) =>
      all.find((each) => each.type === 'ended' && each.job === job);
    await until((all) => ended(all, 'backup') !== undefined && ended(all, 'watch') !== undefined);
    expect(ended(events(), 'backup')).toMatchObject({ exitCode: 0 });
    expect(ended(events(), 'watch')).toMatchObject({ exitCode: 0 });

    await schedules(`${NONE}    backup: nonsense\n    watch: none\n`);
    agent.signal('SIGHUP');
    await until((all) =>
      all.some(({ type, text = '' }) => type === 'warning' && text.includes('agent.schedules.backup')),
    );
    await schedules(`${NONE}    backup: none\n    watch: none\n`);
    agent.signal('SIGHUP');
    await until((all) => all.some(({ type }) => type === 'reloaded'));
    agent.signal('SIGTERM');
    expectExit(await agent.ended, 0);
    expect(events().at(-1)).toMatchObject({ type: 'stopped' });
    expect((await stack.run('doctor', '--json')).stdout).toContain('it is not running');
    const listed = (await stack.run('agent', '--dry-run', '--json')).json;
    expect(listed).toMatchObject({
      jobs: [{ job: 'backup', next: null, last: { exitCode: 0 } }, {}, {}, {}, { job: 'watch' }],
    });
  });
});
