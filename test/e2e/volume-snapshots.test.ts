import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { openVariants, type Variants } from '../support/image-variant.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Listed {
  readonly id: string;
  readonly tag: string | null;
}

describe('a deploy that secures the database by a snapshot of its volume', () => {
  let stack: Stack;
  let variants: Variants;
  const backups = async (): Promise<readonly Listed[]> =>
    (await stack.run('backup', 'list', '--json')).json as readonly Listed[];
  /** What lies beside the files of the database, and is ours. */
  const ours = async (): Promise<readonly string[]> => {
    const { mongo = '' } = await stack.ids();
    const found = await stack.docker(
      'exec',
      mongo,
      'find',
      '/data/db',
      '-path',
      '/data/db/.kaleem-deploy/*',
      '-maxdepth',
      '3',
    );
    return found.split('\n').filter((line) => line !== '');
  };

  beforeAll(async () => {
    stack = await makeStack();
    variants = openVariants();
    await stack.write('kaleem-deploy.yml', 'stability: 0s\nbackup: { before_deploy: volume }\n');
    // The first one has nothing to go back to.
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(async () => {
    await stack?.cleanup();
    await variants?.cleanup();
  });

  it('serves the new version, then takes a backup, and leaves nothing in the volume', async () => {
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
    const before = (await backups()).length;
    const { mongo } = await stack.ids();
    const outcome = await stack.run('v0.0.2', '--json');
    expectExit(outcome, 0);
    expect(outcome.json).toMatchObject({ tag: 'v0.0.2', securedBy: 'volume', database: 'backed-up' });
    await expectServes(stack, 'v0.0.2');
    expect((await stack.ids()).mongo).toBe(mongo);
    const [newest] = await backups();
    expect(await backups()).toHaveLength(before + 1);
    expect(newest).toMatchObject({ tag: 'v0.0.2' });
    expect((outcome.json as { readonly backup: string }).backup).toBe(newest?.id);
    expect(await ours()).toEqual([]);
    const policies = (await stack.containers()).map(({ service, restartPolicy }) => `${service} ${restartPolicy}`);
    expect(policies).toContain('mongo unless-stopped');
  });

  it('puts the files back when the version fails, and keeps what that wrote until another one fails', async () => {
    const before = await stack.fingerprint();
    const { tag } = await variants.publish({ fault: 'spoil' });
    const outcome = await stack.runBriefly(tag);
    expectExit(outcome, 20);
    expect(outcome.stderr).toContain('database restored');
    await expectServes(stack, 'v0.0.2');
    expect(await stack.fingerprint()).toEqual(before);
    const [failed, ...more] = (await ours()).filter((path) => /failed$/.test(path));
    expect(more).toEqual([]);
    expect(outcome.stderr).toContain('/failed of volume');
    expectExit(await stack.run('prune', '--yes'), 0);
    expect(await ours()).toContain(failed);

    expectExit(await stack.runBriefly(tag), 20);
    expect(await stack.fingerprint()).toEqual(before);
    const second = (await ours()).filter((path) => /failed$/.test(path));
    expect(second).toHaveLength(1);
    expect(second).not.toContain(failed);
  });

  it('is refused, with nothing touched, where the data is in no volume', async () => {
    const other = await makeStack();
    try {
      const compose = await other.read('compose.yml');
      await other.write(
        'compose.yml',
        compose.replace('volumes: ["mongo-data:/data/db",', 'tmpfs: ["/data/db"]\n    volumes: ['),
      );
      await other.write('kaleem-deploy.yml', 'stability: 0s\nbackup: { before_deploy: volume }\n');
      expectExit(await other.run('v0.0.1'), 0);
      const ids = await other.ids();
      const outcome = await other.run('v0.0.2');
      expectExit(outcome, 12);
      expect(outcome.stderr).toMatch(/no snapshot of the database's volume: .*\/data\/db/);
      expect(outcome.stderr).toContain('before_deploy: auto');
      expect(await other.ids()).toEqual(ids);
      await expectServes(other, 'v0.0.1');
    } finally {
      await other.cleanup();
    }
  });
});
