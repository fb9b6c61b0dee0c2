import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

describe('Ctrl-C', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(() => stack?.cleanup());

  it('while the plan is made ends at once, and nothing was touched', async () => {
    const ids = await stack.ids();
    const history = (await stack.run('history', '--json')).json;
    const deploy = stack.start('v0.0.2', '-v');
    await deploy.said(/plan/);
    deploy.signal('SIGINT');
    const outcome = await deploy.ended;
    expectExit(outcome, 130);
    expect(outcome.stderr).toContain('interrupted before anything was touched');
    expect(await stack.ids()).toEqual(ids);
    expect((await stack.run('history', '--json')).json).toEqual(history);
    await expectServes(stack, 'v0.0.1');
  });

  it.each([
    { when: 'the fence is raised', step: /raise the fence/ },
    { when: 'the backup is taken', step: /back up the database/ },
    { when: 'the new version is started', step: /start v0\.0\.2/ },
    { when: 'the new version is verified, its migration done', step: /verify v0\.0\.2/ },
  ])('while $when brings the old version back, data and all', async ({ step }) => {
    const before = await stack.fingerprint();
    const deploy = stack.start('v0.0.2', '-v');
    await deploy.said(step);
    deploy.signal('SIGINT');
    const outcome = await deploy.ended;
    expectExit(outcome, 130);
    expect(outcome.stderr).toContain('v0.0.2 was interrupted and v0.0.1 is live again');
    await expectServes(stack, 'v0.0.1');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({ subject: 'v0.0.2', outcome: 'interrupted', exitCode: 130 });
  });

  it('pressed a second time only stops following, and does not cut the rollback short', async () => {
    const before = await stack.fingerprint();
    const deploy = stack.start('v0.0.2', '-v');
    await deploy.said(/verify v0\.0\.2/);
    deploy.signal('SIGINT');
    await deploy.said(/aborting and rolling back/);
    deploy.signal('SIGINT');
    const outcome = await deploy.ended;
    expectExit(outcome, 130);
    expect(outcome.stderr).toContain('no longer following');
    expect(outcome.stderr).toContain('kaleem-deploy attach');
    const [runner] = await stack.runners();
    expect(runner).toBeDefined();
    // Whoever asks the runner itself, again and again, does not cut it short either.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(runner?.pid ?? 0, name);
    await stack.settled();
    await expectServes(stack, 'v0.0.1');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({ subject: 'v0.0.2', outcome: 'interrupted', exitCode: 130 });
  });

  it('is not a terminal that hangs up: the deploy goes on', async () => {
    const deploy = stack.start('v0.0.2', '-v');
    await deploy.said(/back up the database/);
    deploy.signal('SIGHUP');
    expectExit(await deploy.ended, 0);
    await expectServes(stack, 'v0.0.2');
    await expectEnvTag(stack, 'v0.0.2');
  });
});
