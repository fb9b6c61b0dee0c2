import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { makeStack, repository, type Stack } from '../support/stack.ts';

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

describe('what can be refused before anything is touched', () => {
  let stack: Stack;
  const stateDirectory = () => join(stack.directory, '.kaleem');

  beforeAll(async () => {
    stack = await makeStack();
    await stack.compose('up', '-d', '--wait');
  });
  afterAll(() => stack?.cleanup());

  const untouched = async (work: () => Promise<void>): Promise<void> => {
    const [ids, env] = [await stack.ids(), await stack.read('.env')];
    await work();
    expect(await stack.ids()).toEqual(ids);
    expect(await stack.read('.env')).toBe(env);
    expect(await exists(stateDirectory())).toBe(false);
    expect(await exists(join(stack.directory, 'backups'))).toBe(false);
    expect(await stack.fenceRules()).toEqual([]);
  };

  it('refuses a tag that the registry does not have', () =>
    untouched(async () => {
      const outcome = await stack.run('v9.9.9');
      expectExit(outcome, 12);
      expect(outcome.stderr).toContain(`${repository()}/kaleem-api:v9.9.9`);
    }));

  it('refuses when the registry does not answer', () =>
    untouched(async () => {
      const env = await stack.read('.env');
      const port = await freePort();
      await stack.setVariable('KALEEM_API_IMAGE', `127.0.0.1:${port}/kaleem/kaleem-api:v0.0.1`);
      const outcome = await stack.run('v0.0.2');
      await stack.write('.env', env);
      expectExit(outcome, 12);
      expect(outcome.stderr).toContain(`127.0.0.1:${port}`);
    }));

  it('refuses tags that are none', () =>
    untouched(async () => {
      for (const tag of ['v0.0.2; rm -rf /', '../v0.0.2', '$(id)', '-x', 'a'.repeat(129)]) {
        expectExit(await stack.run('deploy', '--', tag), 2);
      }
    }));

  it('only says what it would do with --dry-run', () =>
    untouched(async () => {
      const outcome = await stack.run('v0.0.2', '--dry-run', '--json');
      expectExit(outcome, 0);
      expect(outcome.json).toMatchObject({
        ...{ kind: 'deploy', subject: 'v0.0.2' },
        recreated: expect.arrayContaining(['api']),
        untouched: expect.arrayContaining(['mongo', 'redis']),
      });
    }));

  it('looks without leaving a trace', () =>
    untouched(async () => {
      for (const verb of ['status', 'history', 'releases', 'images', 'doctor', 'config', 'health', 'lock status']) {
        const outcome = await stack.run(...verb.split(' '), '--json');
        expectExit(outcome, 0);
        expect(outcome.json).not.toBeNull();
      }
    }));

  it('refuses when a gate before the deploy fails, or the pre-deploy hook does', async () => {
    const [ids, env] = [await stack.ids(), await stack.read('.env')];
    const port = await freePort();
    const attempts = 'attempts: 2, interval: 200ms';
    await stack.write('kaleem-deploy.yml', `gates: {before: [{tcp: "127.0.0.1:${port}", ${attempts}}]}\n`);
    const gate = await stack.run('v0.0.2');
    expectExit(gate, 12);
    expect(gate.stderr).toContain(String(port));

    await stack.write('kaleem-deploy.yml', 'hooks: {pre-deploy: [sh, -c, "echo not today >&2; exit 3"]}\n');
    const hook = await stack.run('v0.0.2');
    expectExit(hook, 12);
    expect(hook.stderr).toMatch(/pre-deploy.*exited with code 3.*not today/);
    expect(await stack.ids()).toEqual(ids);
    expect(await stack.read('.env')).toBe(env);
    await expectServes(stack, 'v0.0.1');
    expect(await lastOperation(stack)).toMatchObject({ outcome: 'refused', exitCode: 12 });
  });

  it('runs hooks with the operation in their environment, the migration in a container of the new version', async () => {
    await stack.write(
      'hook.sh',
      '#!/bin/sh\necho "$KALEEM_HOOK $KALEEM_TAG $KALEEM_PREVIOUS_TAG $KALEEM_BACKUP $KALEEM_ERROR" >>hooks.log\n',
    );
    await chmod(join(stack.directory, 'hook.sh'), 0o700);
    const migrate = `
      const { MongoClient } = require('mongodb');
      const client = new MongoClient(process.env.MONGODB_URI + '?directConnection=true');
      const row = { hook: process.env.KALEEM_HOOK, tag: process.env.KALEEM_TAG, version: process.env.KALEEM_VERSION };
      client.db().collection('hooked').insertOne(row).then(() => client.close());`;
    const hooks = {
      ...{
        'pre-deploy': ['./hook.sh'],
        'post-backup': ['./hook.sh'],
        'post-deploy': ['./hook.sh'],
        failed: ['./hook.sh'],
      },
      migrate: { run: ['node', '-e', migrate], service: 'api' },
    };
    await stack.write('kaleem-deploy.yml', JSON.stringify({ hooks }));
    const before = await stack.fingerprint();
    expectExit(await stack.run('v0.0.4-exit'), 20);
    expect(await stack.fingerprint()).toEqual(before);
    expectExit(await stack.run('v0.0.2'), 0);
    const said = (await stack.read('hooks.log')).split('\n').slice(0, -1);
    expect(said).toEqual([
      expect.stringMatching(/^pre-deploy v0\.0\.4-exit v0\.0\.1 {2}$/),
      expect.stringMatching(/^post-backup v0\.0\.4-exit v0\.0\.1 \d{6}-v0\.0\.1 $/),
      expect.stringMatching(/^failed v0\.0\.4-exit v0\.0\.1 \d{6}-v0\.0\.1 api exited/),
      expect.stringMatching(/^pre-deploy v0\.0\.2 v0\.0\.1 {2}$/),
      expect.stringMatching(/^post-backup v0\.0\.2 v0\.0\.1 \d{6}-v0\.0\.1 $/),
      expect.stringMatching(/^post-deploy v0\.0\.2 v0\.0\.1 \d{6}-v0\.0\.1 $/),
    ]);
    expect((await stack.fingerprint()).hooked).toMatch(/^1 /);
    await expectServes(stack, 'v0.0.2');
    await expectEnvTag(stack, 'v0.0.2');
  });

  it('undoes a deploy whose migration fails', async () => {
    const hooks = { migrate: { run: ['node', '-e', 'console.error("half done"); process.exit(4)'], service: 'api' } };
    await stack.write('kaleem-deploy.yml', JSON.stringify({ hooks }));
    const outcome = await stack.run('v0.0.5');
    expectExit(outcome, 20);
    expect(outcome.stderr).toMatch(/migrate.*exited with code 4.*half done/);
    await expectServes(stack, 'v0.0.2');
  });

  it('lets one operation work at a time: another is turned away, or waits for its turn', async () => {
    await stack.write('kaleem-deploy.yml', '{}\n');
    const first = stack.start('v0.0.5', '-v');
    await first.said(/stop the writers/);
    const [holder] = await stack.runners();
    const second = await stack.run('v0.0.1');
    expectExit(second, 11);
    expect(second.stderr).toContain(`process ${holder?.pid}`);
    expect(second.stderr).toContain('deploy');
    const third = stack.start('v0.0.2', '--lock-wait', '120');
    expectExit(await first.ended, 0);
    expectExit(await third.ended, 0);
    await expectServes(stack, 'v0.0.2');
  });
});
