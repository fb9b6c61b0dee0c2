import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/deploy/results.ts';
import { systemClock } from '../../src/system/clock.ts';
import { endOrphans } from '../../src/system/orphans.ts';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { carriersOf, type Runner } from '../support/runners.ts';
import { makeStack, type Stack } from '../support/stack.ts';

/** A hook that stays until its file is there, with children of its own: one in a session, one without our environment. */
const SLOW_HOOK = `#!/bin/sh
setsid sleep 300 >/dev/null 2>&1 &
env -i sleep 301 >/dev/null 2>&1 &
sleep 302 >/dev/null 2>&1 &
i=0
while [ ! -e go ] && [ $i -lt 400 ]; do sleep 0.1; i=$((i+1)); done
`;

const GOOD = ['v0.0.2', 'v0.0.5'] as const;

describe('a deploy in its runner', () => {
  let stack: Stack;
  let live = 0;

  /** The next good version, so that each test has something to deploy. */
  const next = (): string => GOOD[live % GOOD.length] ?? GOOD[0];

  const expectDeployed = async (tag: string): Promise<void> => {
    await stack.settled();
    expect(await lastOperation(stack)).toMatchObject({ subject: tag, outcome: 'succeeded', exitCode: 0 });
    live += 1;
    await expectServes(stack, tag);
    await expectEnvTag(stack, tag);
  };

  const onlyRunner = async (): Promise<Runner> => {
    const [runner, ...others] = await stack.runners();
    expect(others).toEqual([]);
    if (runner === undefined) throw new Error('no runner runs');
    return runner;
  };

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.5'), 0);
  });
  afterAll(() => stack?.cleanup());
  afterEach(() => stack.settled());

  it.each(['SIGHUP', 'SIGTERM', 'SIGKILL'] as const)('goes on when what follows it gets %s', async (name) => {
    const tag = next();
    const deploy = stack.start(tag, '-v');
    await deploy.said(/back up the database/);
    deploy.signal(name);
    const { code } = await deploy.ended;
    expect(code).toBe({ SIGHUP: 0, SIGTERM: 130, SIGKILL: 137 }[name]);
    await expectDeployed(tag);
  });

  it('goes on when nobody reads what it says', async () => {
    const tag = next();
    const front = spawn(process.execPath, [process.env.KALEEM_TEST_CLI ?? '', tag, '-v'], {
      ...{ cwd: stack.directory, env: { PATH: process.env.PATH, HOME: process.env.HOME } },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(front.stderr, 'data');
    front.stdout.destroy();
    front.stderr.destroy();
    const [code] = await once(front, 'exit');
    expect(code).toBe(0);
    await expectDeployed(tag);
  });

  it('has a session of its own and nothing of the terminal', async () => {
    const tag = next();
    const deploy = stack.start(tag, '-v');
    await deploy.said(/pull|back up/);
    const { pid } = await onlyRunner();
    const shown = execFileSync('ps', ['-o', 'sid=,tty=', '-p', String(pid)], { encoding: 'utf8' });
    expect(shown.trim().split(/\s+/)).toEqual([String(pid), '?']);
    expectExit(await deploy.ended, 0);
    await expectDeployed(tag);
  });

  it('is followed from elsewhere: all that happened so far, then the end and its exit code', async () => {
    const tag = next();
    const deploy = stack.start(tag);
    await deploy.said(/ok {2}back up the database/);
    const attached = await stack.run('attach');
    expectExit(attached, 0);
    expect(attached.stderr).toMatch(/^following deploy \d{6}-[0-9a-f]{4} of /);
    const shown = (text: string) => text.split('\n').filter((line) => /^ok {2}/.test(line));
    const { stdout, stderr } = await deploy.ended;
    expect(shown(attached.stderr)).toEqual(shown(stderr));
    expect(shown(attached.stderr).length).toBeGreaterThan(5);
    expect(attached.stdout).toBe(stdout);
    await expectDeployed(tag);
  });

  it('goes on when somebody who only came to look presses Ctrl-C', async () => {
    const tag = next();
    const deploy = stack.start(tag);
    await deploy.said(/ok {2}raise the fence/);
    const attached = stack.start('attach');
    await attached.said(/^following/);
    attached.signal('SIGINT');
    const left = await attached.ended;
    expectExit(left, 130);
    expect(left.stderr).toContain('no longer following: the deploy goes on');
    expectExit(await deploy.ended, 0);
    await expectDeployed(tag);
  });

  it('goes back when it is aborted from elsewhere: 130 for everyone', async () => {
    await stack.write('kaleem-deploy.yml', JSON.stringify({ stability: '60s' }));
    const before = await stack.fingerprint();
    const tag = next();
    const deploy = stack.start(tag, '-v');
    await deploy.said(new RegExp(`verify ${tag}`));
    const attach = stack.start('attach');
    await attach.said(/^following/);
    const abort = await stack.run('abort');
    for (const outcome of [abort, await attach.ended, await deploy.ended]) {
      expectExit(outcome, 130);
      expect(outcome.stderr).toMatch(/kaleem-deploy abort by \S+: aborting and rolling back/);
      expect(outcome.stderr).toContain(`error: ${tag} was interrupted and `);
    }
    await expectServes(stack, GOOD[(live + 1) % GOOD.length] ?? '');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({ subject: tag, outcome: 'interrupted', exitCode: 130 });
    await stack.write('kaleem-deploy.yml', '{}');
  });

  it('shows the step it is at in status, for people and for scripts', async () => {
    await stack.write('hook.sh', SLOW_HOOK);
    await chmod(join(stack.directory, 'hook.sh'), 0o700);
    await stack.write('kaleem-deploy.yml', JSON.stringify({ hooks: { 'pre-deploy': ['./hook.sh'] } }));
    const tag = next();
    const deploy = stack.start(tag, '-v');
    await deploy.said(/run the pre-deploy hook/);
    const { json } = await stack.run('status', '--json');
    const { running, lock, unfinished } = json as StatusReport;
    expect(unfinished).toBeNull();
    expect(running).toMatchObject({ kind: 'deploy', operation: lock.holder?.operation, aborting: false });
    expect(running?.steps.map(({ title }) => title)).toEqual(['run the pre-deploy hook']);
    expect(running?.elapsedMs).toBeGreaterThan(running?.steps[0]?.elapsedMs ?? 0);
    const { stdout } = await stack.run('status');
    expect(stdout).toMatch(
      /^running: deploy \d{6}-[0-9a-f]{4}, \d.*s so far\n {2}\.\. {2}run the pre-deploy hook {2}\d+s$/m,
    );
    await stack.write('go', '');
    expectExit(await deploy.ended, 0);
    await expectDeployed(tag);
    await stack.write('kaleem-deploy.yml', '{}');
  });

  it('is not there to follow or to abort once it has ended', async () => {
    for (const verb of ['attach', 'abort']) {
      const outcome = await stack.run(verb);
      expectExit(outcome, 3);
      expect(outcome.stdout).toMatch(/^nothing runs; the last operation was deploy v0\.0\.\d: succeeded/);
      expect((await stack.run(verb, '--json')).json).toMatchObject({
        running: false,
        lastOperation: { kind: 'deploy', outcome: 'succeeded' },
      });
    }
    expect((await stack.run('status', '--json')).json).toMatchObject({ running: null });
  });

  // Leaves an unfinished operation: the last test.
  it('is reported by what followed it when it is killed, and all that it had started is found and ended', async () => {
    await stack.write('hook.sh', SLOW_HOOK);
    await stack.write('kaleem-deploy.yml', JSON.stringify({ hooks: { 'pre-deploy': ['./hook.sh'] } }));
    await rm(join(stack.directory, 'go'), { force: true });
    const deploy = stack.start(next(), '-v');
    await deploy.said(/run the pre-deploy hook/);
    await delay(1_000);
    const attached = stack.start('attach');
    await attached.said(/^following/);
    const { marker, pid } = await stack.signalRunner('SIGKILL');
    for (const outcome of [await deploy.ended, await attached.ended]) {
      expectExit(outcome, 1);
      expect(outcome.stderr).toContain('error: the process that ran this deploy died before it said how it ended');
      expect(outcome.stderr).toContain('hint: kaleem-deploy recover');
    }
    const left = await carriersOf(marker);
    expect(left).not.toContain(pid);
    // The hook, two of its sleepers at least, and the short sleep it may be at.
    expect(left.length).toBeGreaterThanOrEqual(3);
    expect(await endOrphans(marker, { clock: systemClock })).toBeGreaterThanOrEqual(3);
    expect(await carriersOf(marker)).toEqual([]);
    expect(await endOrphans(marker, { clock: systemClock })).toBe(0);
    expect((await readdir('/proc')).includes(String(pid))).toBe(false);
  });
});
