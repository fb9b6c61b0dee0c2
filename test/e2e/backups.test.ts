import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Backup {
  readonly id: string;
  readonly path: string;
  readonly contentHash: string;
}

describe('backups and upkeep', () => {
  let stack: Stack;
  let backup: Backup;
  let content: Readonly<Record<string, string>>;
  const insert = async (collection: string) =>
    insertInto(await stack.databaseAddress(), collection, [{ number: Date.now(), item: 'date' }]);

  beforeAll(async () => {
    stack = await makeStack({ variables: { MONGO_PASSWORD: 'correct-horse-battery' } });
    expectExit(await stack.run('v0.0.1'), 0);
    expectExit(await stack.run('v0.0.2'), 0);
    content = await stack.fingerprint();
    const created = await stack.run('backup', 'create', '--json');
    expectExit(created, 0);
    backup = created.json as Backup;
  });
  afterAll(() => stack?.cleanup());

  it('are taken while the application runs, private to their owner, and verify', async () => {
    expect(backup.contentHash).toBe(await stack.contentHash());
    for (const name of await readdir(join(stack.directory, 'backups'))) {
      expect((await stat(join(stack.directory, 'backups', name))).mode & 0o077).toBe(0);
    }
    expectExit(await stack.run('backup', 'verify', backup.id), 0);
    expectExit(await stack.run('backup', 'verify', backup.path), 0);
    const list = (await stack.run('backup', 'list', '--json')).json as readonly Backup[];
    expect(list[0]?.id).toBe(backup.id);
    expect((await stack.run('backup', 'show', backup.id, '--json')).json).toMatchObject({ id: backup.id });
    expectExit(await stack.run('backup', 'show', 'no-such-backup'), 12);
    await expectServes(stack, 'v0.0.2');
  });

  it('are not restored unasked', async () => {
    expectExit(await stack.run('backup', 'restore', backup.id), 2);
  });

  it('bring their content back, and leave collections alone that they do not know', async () => {
    await insert('orders');
    await insert('extra');
    expectExit(await stack.run('backup', 'restore', backup.id, '--yes'), 0);
    const { extra, ...rest } = await stack.fingerprint();
    expect(rest).toEqual(content);
    expect(extra).toMatch(/^1 /);
    await expectServes(stack, 'v0.0.2');
  });

  it('bring their content back from a file, and drop what they do not know with --drop-extra', async () => {
    await insert('orders');
    const outcome = await stack.run('backup', 'restore', backup.path, '--drop-extra', '--yes', '--json');
    expectExit(outcome, 0);
    expect(outcome.json).toMatchObject({ extra: { dropped: [expect.stringContaining('extra')] } });
    expect(await stack.fingerprint()).toEqual(content);
    await expectServes(stack, 'v0.0.2');
  });

  it('of some collections hold those, and bring back no more', async () => {
    await insert('extra');
    const created = await stack.run('backup', 'create', '--include', '*.orders', '--json');
    expectExit(created, 0);
    const partial = created.json as Backup;
    expect(partial).toMatchObject({
      partial: { include: ['*.orders'], exclude: [] },
      namespaces: [{ collection: 'orders' }],
    });
    await insert('orders');
    await insert('extra');
    const { extra } = await stack.fingerprint();
    expectExit(await stack.run('backup', 'restore', partial.id, '--drop-extra', '--yes'), 0);
    expect(await stack.fingerprint()).toEqual({ ...content, extra });

    await insert('orders');
    expectExit(await stack.run('backup', 'restore', backup.id, '--exclude', '*.extra', '--drop-extra', '--yes'), 0);
    expect(await stack.fingerprint()).toEqual({ ...content, extra });

    const before = await readdir(join(stack.directory, 'backups'));
    const refused = await stack.run('backup', 'create', '--include', '*.oders');
    expectExit(refused, 12);
    expect(refused.stderr).toContain('--include *.oders matches nothing in the database');
    expectExit(await stack.run('backup', 'restore', backup.id, '--include', '*.oders', '--yes'), 12);
    expectExit(await stack.run('backup', 'create', '--include', 'orders'), 2);
    expect(await readdir(join(stack.directory, 'backups'))).toEqual(before);
    expectExit(await stack.run('backup', 'restore', backup.id, '--drop-extra', '--yes'), 0);
  });

  it('are restored into a scratch database to see whether they can be, and nothing live is touched', async () => {
    const before = await stack.fingerprint();
    const drilled = await stack.run('backup', 'drill', backup.id, '--json');
    expectExit(drilled, 0);
    expect(drilled.json).toMatchObject({ backup: backup.id, warnings: [] });
    expect(await stack.fingerprint()).toEqual(before);
    expect((await stack.run('status', '--json')).json).toMatchObject({ lastDrill: { outcome: 'succeeded' } });
    expect((await stack.run('doctor')).stdout).toContain(`backup ${backup.id} could be restored`);
  });

  it('are kept when they are pinned, whatever the rules say', async () => {
    await stack.write('kaleem-deploy.yml', 'stability: 0s\nbackup: {keep_last: 1}\n');
    expectExit(await stack.run('backup', 'pin', backup.id, '--reason', 'the audit'), 0);
    for (let more = 0; more < 2; more += 1) expectExit(await stack.run('backup', 'create'), 0);
    const plan = await stack.run('backup', 'prune', '--dry-run');
    expect(plan.stdout).toContain(`keep backup ${backup.id}: pinned: the audit`);
    expect(plan.stdout).toMatch(/keep backup \S+: the newest; among the last 1/);
    expectExit(await stack.run('backup', 'prune', '--yes'), 0);
    expectExit(await stack.run('backup', 'verify', backup.id), 0);
    const unpinned = await stack.run('backup', 'unpin', backup.id);
    expect(unpinned.stdout).toContain('is no longer pinned');
    expect((await stack.run('backup', 'prune', '--dry-run')).stdout).toContain(
      `remove backup ${backup.id}: no rule keeps it`,
    );
    expectExit(await stack.run('backup', 'pin', 'nothing-of-the-kind'), 12);
    await rm(join(stack.directory, 'kaleem-deploy.yml'));
  });

  it('are refused when a byte of them is wrong, and nothing is touched', async () => {
    const [ids, before] = [await stack.ids(), await stack.fingerprint()];
    const file = await open(backup.path, 'r+');
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x40]), 0, 1, at);
    await file.close();
    expectExit(await stack.run('backup', 'verify', backup.id), 31);
    const all = await stack.run('backup', 'verify', '--all', '--json');
    expectExit(all, 31);
    expect(all.json).toMatchObject({ bad: [{ id: backup.id }] });
    expect(all.stderr).toContain(`backup ${backup.id} is bad`);
    const listed = (await stack.run('backup', 'list', '--json')).json as readonly {
      id: string;
      problem: string | null;
    }[];
    expect(listed.filter(({ problem }) => problem !== null).map(({ id }) => id)).toEqual([backup.id]);
    expectExit(await stack.run('backup', 'restore', backup.id, '--yes'), 31);
    const drilled = await stack.run('backup', 'drill', backup.id);
    expectExit(drilled, 3);
    expect(drilled.stderr).toContain(`backup ${backup.id} cannot be restored`);
    expect((await stack.run('status')).stdout).toContain('the last drill failed: ');
    expectExit(await stack.run('doctor'), 3);
    expectExit(await stack.run('backup', 'drill'), 0);
    expect(await stack.ids()).toEqual(ids);
    expect(await stack.fingerprint()).toEqual(before);
    await expectServes(stack, 'v0.0.2');
  });

  it('health says which gate fails, with exit code 3', async () => {
    expectExit(await stack.run('health'), 0);
    await stack.compose('stop', 'api');
    const outcome = await stack.run('health', '--json');
    await stack.compose('start', 'api');
    expectExit(outcome, 3);
    expect(outcome.json).toMatchObject({ ok: false });
    await expect.poll(async () => (await stack.run('health')).code, { timeout: 30_000, interval: 1_000 }).toBe(0);
  });

  it('images, logs, doctor and prune answer, and prune keeps what a rollback needs', async () => {
    const images = (await stack.run('images', '--json')).json as readonly { tag: string; present: boolean }[];
    expect(images.map(({ tag, present }) => [tag, present]).sort()).toEqual([
      ['v0.0.1', true],
      ['v0.0.2', true],
    ]);
    expect((await stack.run('logs', 'api')).stdout).toContain('kaleem-api v0.0.2 serves');
    expectExit(await stack.run('doctor'), 0);
    expectExit(await stack.run('prune', '--yes'), 0);
    expectExit(await stack.run('rollback', '--dry-run'), 0);
    await expectServes(stack, 'v0.0.2');
  });

  it('a configuration that init has written deploys, and its secrets are not shown', async () => {
    expectExit(await stack.run('init'), 0);
    const config = await stack.run('config');
    expectExit(config, 0);
    expect(`${config.stdout}${config.stderr}`).not.toContain('correct-horse-battery');
    expectExit(await stack.run('v0.0.5'), 0);
    await expectServes(stack, 'v0.0.5');
    expect((await stack.run('status', '--json')).json).toMatchObject({ live: { tag: 'v0.0.5' }, fence: null });
  });
});
