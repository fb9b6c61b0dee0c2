import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Backup {
  readonly id: string;
  readonly path: string;
  readonly encrypted: boolean;
  readonly problem: string | null;
}

describe('a deploy with encrypted backups', () => {
  let stack: Stack;
  /** Where the maintainer keeps the own identity: not on the server. */
  let home: string;
  let mine: string;
  let serverIdentity: string;
  let content: Readonly<Record<string, string>>;
  const backups = async (): Promise<readonly Backup[]> =>
    (await stack.run('backup', 'list', '--json')).json as readonly Backup[];

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kaleem-keys-'));
    mine = join(home, 'key.txt');
    const identity = await generateX25519Identity();
    await writeFile(mine, `${identity}\n`, { mode: 0o600 });
    stack = await makeStack();
    serverIdentity = join(stack.directory, '.kaleem', 'backup-identity.txt');
    await stack.write(
      'kaleem-deploy.yml',
      `stability: 0s\nbackup: {encryption: {recipients: [${await identityToRecipient(identity)}]}}\n`,
    );
    expectExit(await stack.run('v0.0.1'), 0);
    content = await stack.fingerprint();
  });
  afterAll(async () => {
    await stack?.cleanup();
    await rm(home, { recursive: true, force: true });
  });

  it('undoes a version that writes rubbish, to the last byte, with nobody there to name a key', async () => {
    const outcome = await stack.runBriefly('v0.0.3');
    expectExit(outcome, 20);
    expect(outcome.stderr).toContain('v0.0.1 is live again (database restored)');
    expect(await stack.fingerprint()).toEqual(content);
    await expectServes(stack, 'v0.0.1');
  });

  it('leaves no archive that can be read without an identity, and the key in one private file alone', async () => {
    const names = await readdir(join(stack.directory, 'backups'));
    const archives = names.filter((name) => name.includes('.archive'));
    expect(archives.length).toBeGreaterThanOrEqual(3);
    for (const name of archives) {
      expect(name).toMatch(/\.archive\.gz\.age$/);
      const bytes = await readFile(join(stack.directory, 'backups', name));
      expect(bytes.subarray(0, 22).toString()).toBe('age-encryption.org/v1\n');
    }
    expect((await stat(serverIdentity)).mode & 0o777).toBe(0o600);
    const key = /AGE-SECRET-KEY-1\w+/.exec(await readFile(serverIdentity, 'utf8'))?.[0] ?? 'none';
    const files = await readdir(stack.directory, { recursive: true, withFileTypes: true });
    for (const file of files.filter((each) => each.isFile())) {
      const path = join(file.parentPath, file.name);
      if (path !== serverIdentity) expect((await readFile(path)).includes(key), path).toBe(false);
    }
  });

  it('verifies, rehearses and goes back with the database by itself', async () => {
    expect((await backups()).map(({ encrypted, problem }) => [encrypted, problem])).toEqual(
      (await backups()).map(() => [true, null]),
    );
    expectExit(await stack.run('backup', 'verify', '--all'), 0);
    expectExit(await stack.run('backup', 'drill'), 0);
    const doctor = await stack.run('doctor');
    expectExit(doctor, 0);
    expect(doctor.stdout).toMatch(/backup encryption.*to 1 recipient and this server; \d+ encrypted backups can be/);
    expectExit(await stack.run('v0.0.2'), 0);
    expectExit(await stack.run('rollback', 'v0.0.1', '--with-database', '--yes'), 0);
    expect(await stack.fingerprint()).toEqual(content);
    await expectServes(stack, 'v0.0.1');
  });

  it('reads them when encryption is turned off again, beside those that are not encrypted', async () => {
    await rename(join(stack.directory, 'kaleem-deploy.yml'), join(home, 'kaleem-deploy.yml'));
    const [encrypted] = await backups();
    const created = await stack.run('backup', 'create', '--json');
    expectExit(created, 0);
    expect(created.json).toMatchObject({ encrypted: false });
    expectExit(await stack.run('backup', 'verify', '--all'), 0);
    expectExit(await stack.run('backup', 'restore', encrypted?.id ?? '', '--yes'), 0);
    await rename(join(home, 'kaleem-deploy.yml'), join(stack.directory, 'kaleem-deploy.yml'));
    await expectServes(stack, 'v0.0.1');
  });

  it("without the server's identity calls none damaged, touches nothing, and takes the maintainer's own", async () => {
    expectExit(await stack.run('backup', 'create'), 0);
    const [newest] = await backups();
    const id = newest?.id ?? '';
    const before = await stack.fingerprint();
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: Date.now(), item: 'date' }]);
    await rename(serverIdentity, join(home, 'server.txt'));

    const all = await stack.run('backup', 'verify', '--all', '--json');
    expectExit(all, 12);
    expect(all.json).toMatchObject({ bad: [], locked: expect.arrayContaining([expect.objectContaining({ id })]) });
    expect(all.stderr).toContain(`backup ${id} could not be checked`);
    const refused = await stack.run('backup', 'restore', id, '--yes');
    expectExit(refused, 12);
    expect(refused.stderr).toMatch(new RegExp(`${id}\\.archive\\.gz\\.age is encrypted[\\s\\S]*--identity FILE`));
    expectExit(await stack.run('backup', 'drill', id), 12);
    expect((await backups()).filter(({ problem }) => problem !== null)).toEqual([]);
    const doctor = await stack.run('doctor');
    expectExit(doctor, 3);
    expect(doctor.stdout).toMatch(/no identity on this server can decrypt/);
    await expectServes(stack, 'v0.0.1');

    expectExit(await stack.run('backup', 'verify', '--all', '--identity', mine), 0);
    expectExit(await stack.run('backup', 'drill', id, '--identity', mine), 0);
    expectExit(await stack.run('backup', 'verify', id, '--identity', join(home, 'nothing')), 10);
    expectExit(await stack.run('backup', 'restore', id, '--identity', mine, '--yes'), 0);
    expect(await stack.fingerprint()).toEqual(before);
    await expectServes(stack, 'v0.0.1');
  });
});
