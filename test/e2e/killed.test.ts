import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, servedVersion } from '../support/asking.ts';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Status {
  readonly fence: { readonly operation: string } | null;
  readonly unfinished: { readonly id: string } | null;
}

describe('the fence', () => {
  let stack: Stack;

  const statusOf = async (): Promise<Status> => (await stack.run('status', '--json')).json as Status;

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(() => stack?.cleanup());

  describe('raised by hand', () => {
    it('answers 503 on every port after the command has ended, to kept connections too', async () => {
      const kept = new Agent({ keepAlive: true, maxSockets: 1 });
      expect((await ask(stack.httpPort, '/api/version', { agent: kept }))?.version).toBe('v0.0.1');
      expectExit(await stack.run('maintenance', 'on'), 0);
      for (const port of [stack.httpPort, stack.apiPort]) {
        expect(await ask(port, '/api/version')).toMatchObject({ status: 503, version: null });
      }
      expect((await ask(stack.httpPort, '/api/version', { agent: kept }))?.version ?? null).toBeNull();
      kept.destroy();
      expect((await statusOf()).fence).not.toBeNull();
      // A reboot takes the rules away: until then nobody may start by itself what is fenced.
      const fenced = (await stack.containers()).filter(({ service }) => service === 'api' || service === 'nginx');
      expect(fenced.map(({ restartPolicy }) => restartPolicy)).toEqual(['no', 'no']);
    });

    it('is raised once', async () => {
      const outcome = await stack.run('maintenance', 'on', '--json');
      expectExit(outcome, 0);
      expect(outcome.json).toMatchObject({ fence: 'raised', changed: false });
    });

    it('is still up after a deploy behind it', async () => {
      expectExit(await stack.run('v0.0.2'), 0);
      expect(await servedVersion(stack.httpPort)).toBe('HTTP 503');
      expect(await servedVersion(stack.apiPort)).toBe('HTTP 503');
      expect((await stack.containers()).map((each) => each.state)).toEqual(Array(4).fill('running'));
    });

    it('is gone after `maintenance off`, and everything is as it was', async () => {
      expectExit(await stack.run('maintenance', 'off'), 0);
      await expectServes(stack, 'v0.0.2');
      expect((await statusOf()).fence).toBeNull();
    });
  });

  describe('of a deploy that is killed', () => {
    let kept: Agent;

    it('lets nobody reach the version that nobody has judged', async () => {
      kept = new Agent({ keepAlive: true, maxSockets: 1 });
      expect((await ask(stack.httpPort, '/api/version', { agent: kept }))?.version).toBe('v0.0.2');
      const deploy = stack.start('v0.0.5', '-v');
      await deploy.said(/verify v0\.0\.5/);
      await stack.signalRunner('SIGKILL');
      const outcome = await deploy.ended;
      expectExit(outcome, 1);
      expect(outcome.stderr).toContain('error: the process that ran this deploy died before it said how it ended');
      expect(outcome.stderr).toContain('hint: kaleem-deploy recover');
      const api = (await stack.containers()).find((each) => each.service === 'api');
      expect(api).toMatchObject({ state: 'running', restartPolicy: 'no' });
      for (const port of [stack.httpPort, stack.apiPort]) {
        for (let attempt = 0; attempt < 3; attempt += 1)
          expect((await ask(port, '/api/version'))?.version ?? null).toBeNull();
      }
      expect((await ask(stack.httpPort, '/api/version', { agent: kept }))?.version ?? null).toBeNull();
      kept.destroy();
      await expectEnvTag(stack, 'v0.0.2');
    });

    it('is named by status', async () => {
      const { id } = await lastOperation(stack);
      expect(await statusOf()).toMatchObject({ unfinished: { id }, fence: { operation: id } });
      expect(await servedVersion(stack.apiPort)).toBe('no answer');
    });

    it('is undone by the next operation, data and all, before its own work', async () => {
      const { id } = await lastOperation(stack);
      const outcome = await stack.run('v0.0.1');
      expectExit(outcome, 0);
      expect(outcome.stderr).toMatch(new RegExp(`operation ${id} .* died before it ended: recovering`));
      expect(outcome.stderr).toContain('v0.0.2 is live again');
      await expectServes(stack, 'v0.0.1');
      await expectEnvTag(stack, 'v0.0.1');
      expect(await statusOf()).toMatchObject({ unfinished: null, fence: null });
    });
  });

  describe('of a bad deploy that is killed after it wrote', () => {
    it('is lifted by recover, and the database is what it was', async () => {
      const before = await stack.contentHash();
      const deploy = stack.start('v0.0.3', '-v');
      await deploy.said(/start v0\.0\.3/);
      await expect.poll(() => stack.contentHash(), { timeout: 60_000, interval: 200 }).not.toBe(before);
      await stack.signalRunner('SIGKILL');
      expectExit(await deploy.ended, 1);
      const outcome = await stack.run('recover');
      expectExit(outcome, 0);
      expect(outcome.stdout).toContain('v0.0.1 is live again (database restored)');
      await expectServes(stack, 'v0.0.1');
      expect(await stack.contentHash()).toBe(before);
      const again = await stack.run('recover');
      expectExit(again, 0);
      expect(again.stdout).toContain('nothing to recover');
    });
  });
});
