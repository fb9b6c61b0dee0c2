import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { type Laptop, openLaptop } from '../support/laptop.ts';
import { makeStack, type Stack } from '../support/stack.ts';

describe('a deploy from the laptop', () => {
  let stack: Stack;
  let laptop: Laptop;
  /** The good version that is not live. */
  const next = async (): Promise<string> => ((await stack.read('.env')).includes(':v0.0.2\n') ? 'v0.0.5' : 'v0.0.2');
  /** What is verified stays under watch for a minute: time to press Ctrl-C. */
  const watchLong = () => stack.write('kaleem-deploy.yml', JSON.stringify({ stability: '60s' }));

  const expectDeployed = async (tag: string): Promise<void> => {
    await stack.settled();
    expect(await lastOperation(stack)).toMatchObject({ subject: tag, outcome: 'succeeded', exitCode: 0 });
    await expectServes(stack, tag);
    await expectEnvTag(stack, tag);
  };

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.5'), 0);
    laptop = await openLaptop(stack);
  });
  afterAll(async () => {
    await stack?.cleanup();
    await laptop?.close();
  });
  afterEach(async () => {
    await stack.settled();
    await stack.write('kaleem-deploy.yml', '{}');
  });

  it('shows the steps as they come, and ends with the result and exit code 0', async () => {
    const tag = await next();
    const deploy = laptop.typed(tag);
    await deploy.said(/ok {2}back up the database/);
    expect(await stack.runners()).toHaveLength(1);
    const outcome = await deploy.ended;
    expectExit(outcome, 0);
    expect(outcome.stdout).toContain(tag);
    expect(outcome.stdout).not.toContain('ok  ');
    await expectDeployed(tag);
  });

  it('brings back what is printed there, byte for byte, and its exit code', async () => {
    const there = await stack.run('releases', '--json');
    expect(await laptop.typed('releases', '--json').ended).toMatchObject({ code: 0, stdout: there.stdout, stderr: '' });
    const refused = await laptop.typed('v9.9.9', '--json').ended;
    expectExit(refused, 12);
    expect(refused.json).toMatchObject({ error: { code: 'image-not-found' }, exitCode: 12 });
  });

  it('asks nobody where there is no terminal: what destroys data needs --yes', async () => {
    const refused = await laptop.typed('rollback', '--with-database').ended;
    expectExit(refused, 2);
    expect(refused.stderr).toContain('there is no terminal to ask on');
  });

  it('that loses its connection is followed again, each step shown once', async () => {
    const tag = await next();
    const deploy = laptop.typed(tag, '-v');
    await deploy.said(/\.\. {2}back up the database|back up the database/);
    await laptop.sshd.cutConnections();
    await deploy.said(/the connection to prod was lost; what was begun goes on there/);
    const outcome = await deploy.ended;
    expectExit(outcome, 0);
    expect(outcome.stderr).toContain('connected to prod again');
    const steps = outcome.stderr.split('\n').filter((line) => /^ok {2}/.test(line));
    expect(new Set(steps).size).toBe(steps.length);
    expect(steps.length).toBeGreaterThan(5);
    await expectDeployed(tag);
  });

  it('that ended while nobody was connected ends with its own exit code, and one document', async () => {
    const tag = await next();
    const deploy = laptop.typed(tag, '--json');
    // Nothing is said before the end.
    while ((await stack.fenceRules()).length === 0) await sleep(100);
    // Whoever comes back finds nobody at home until it is over.
    await laptop.sshd.cutConnections();
    await laptop.sshd.stopListening();
    await deploy.said(/the connection to prod was lost/);
    await stack.settled();
    await laptop.sshd.listenAgain();
    const outcome = await deploy.ended;
    expectExit(outcome, 0);
    expect(outcome.json).toMatchObject({ running: false, lastOperation: { subject: tag, exitCode: 0 } });
    await expectDeployed(tag);
  });

  it('is aborted by Ctrl-C, and rolls back there', async () => {
    await watchLong();
    const before = await stack.fingerprint();
    const tag = await next();
    const deploy = laptop.typed(tag, '-v');
    await deploy.said(new RegExp(`verify ${tag}`));
    deploy.signal('SIGINT');
    const outcome = await deploy.ended;
    expectExit(outcome, 130);
    expect(outcome.stderr).toContain('prod is asked to abort');
    expect(outcome.stderr).toMatch(/kaleem-deploy abort by \S+: aborting and rolling back/);
    expect(outcome.stderr).toContain(`${tag} was interrupted`);
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({ subject: tag, outcome: 'interrupted', exitCode: 130 });
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on there when what follows it gets %s', async (name) => {
    const tag = await next();
    const deploy = laptop.typed(tag, '-v');
    await deploy.said(/back up the database/);
    deploy.signal(name);
    const outcome = await deploy.ended;
    expect(outcome.code).toBe(name === 'SIGTERM' ? 130 : 137);
    if (name === 'SIGTERM') expect(outcome.stderr).toContain('kaleem-deploy --host prod attach');
    await expectDeployed(tag);
  });

  it('is only left by a second Ctrl-C, and can be attached to', async () => {
    await watchLong();
    const tag = await next();
    const deploy = laptop.typed(tag, '-v');
    await deploy.said(new RegExp(`verify ${tag}`));
    deploy.signal('SIGINT');
    await deploy.said(/aborting and rolling back/);
    deploy.signal('SIGINT');
    const outcome = await deploy.ended;
    expectExit(outcome, 130);
    expect(outcome.stderr).toContain('no longer following');
    const attached = await laptop.typed('attach').ended;
    expect([3, 130]).toContain(attached.code);
  });
});
