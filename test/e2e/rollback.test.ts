import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

describe('rollback', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.1'), 0);
    expectExit(await stack.run('v0.0.2'), 0);
  });
  afterAll(() => stack?.cleanup());

  it('of a tag that is not kept is refused, and nothing is touched', async () => {
    const ids = await stack.ids();
    const outcome = await stack.run('rollback', 'v9.9.9');
    expectExit(outcome, 12);
    expect(outcome.stderr).toContain('no release v9.9.9 is kept');
    expect(await stack.ids()).toEqual(ids);
  });

  it('with the database, without --yes and with nobody to ask, is a usage error', async () => {
    const outcome = await stack.run('rollback', '--with-database');
    expectExit(outcome, 2);
    expect(outcome.stderr).toContain('--yes');
    await expectServes(stack, 'v0.0.2');
  });

  it('without a tag goes to the last good release and leaves the data alone', async () => {
    const before = await stack.fingerprint();
    expectExit(await stack.run('rollback'), 0);
    await expectServes(stack, 'v0.0.1');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({ kind: 'rollback', outcome: 'succeeded', exitCode: 0 });
  });

  it('skips the release that was left by a rollback', async () => {
    expectExit(await stack.run('v0.0.5'), 0);
    expectExit(await stack.run('rollback'), 0);
    await expectServes(stack, 'v0.0.1');
  });

  it('to a tag, with the database, brings back the data of the day it was left', async () => {
    expectExit(await stack.run('v0.0.2'), 0);
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 77, item: 'fig' }]);
    const left = await stack.fingerprint();
    expectExit(await stack.run('v0.0.5'), 0);
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 78, item: 'fig' }]);
    await insertInto(await stack.databaseAddress(), 'new-in-v5', [{ number: 1 }]);

    const outcome = await stack.run('rollback', 'v0.0.2', '--with-database', '--yes', '--json');
    expectExit(outcome, 0);
    expect(outcome.json).toMatchObject({ kind: 'rollback', tag: 'v0.0.2', previous: 'v0.0.5', database: 'restored' });
    await expectServes(stack, 'v0.0.2');
    await expectEnvTag(stack, 'v0.0.2');
    expect(await stack.fingerprint()).toEqual(left);
  });

  it('deploying the live tag again changes nothing', async () => {
    const ids = await stack.ids();
    const before = await stack.fingerprint();
    const releases = (await stack.run('releases', '--json')).json;
    const outcome = await stack.run('v0.0.2', '-v');
    expectExit(outcome, 0);
    expect(outcome.stderr).not.toMatch(/raise the fence|back up the database/);
    expect(await stack.ids()).toEqual(ids);
    expect(await stack.fingerprint()).toEqual(before);
    expect((await stack.run('releases', '--json')).json).toEqual(releases);
    await expectServes(stack, 'v0.0.2');
  });
});
