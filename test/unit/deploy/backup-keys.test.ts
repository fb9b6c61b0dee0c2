import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBackup } from '../../../src/backup/create.ts';
import type { Config, EncryptionConfig } from '../../../src/config/config.ts';
import {
  checkedIdentityFiles,
  checkServerIdentity,
  identityFiles,
  keysFinding,
  recipientsOf,
  serverIdentityFile,
} from '../../../src/deploy/backup-keys.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { fakeServer } from '../backup/fake-server.ts';

let root: string;
let mine: string;
let recipient: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kaleem-keys-'));
  await mkdir(join(root, 'state'));
  mine = join(root, 'key.txt');
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  await writeFile(mine, identity, { mode: 0o600 });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const configOf = (encryption: Partial<EncryptionConfig> | null = {}): Config =>
  ({
    stateDirectory: join(root, 'state'),
    backup: {
      directory: join(root, 'backups'),
      encryption: encryption === null ? null : { recipients: [recipient], identityFile: null, ...encryption },
    },
  }) as unknown as Config;
const backUp = async (id: string, config: Config = configOf()) =>
  createBackup({
    ...{ database: fakeServer('d'), directory: config.backup.directory, id, operation: null, release: null },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
    recipients: await recipientsOf({ config, clock: systemClock }),
  });
const server = (): string => serverIdentityFile(configOf());

describe('whom a backup is encrypted to', () => {
  test('is nobody, and no key is made, where encryption is off', async () => {
    expect(await recipientsOf({ config: configOf(null), clock: systemClock })).toBeNull();
    await expect(stat(server())).rejects.toMatchObject({ code: 'ENOENT' });
  });
  test('is those of the configuration and the server, once each', async () => {
    const [first, own, ...more] = (await recipientsOf({ config: configOf(), clock: systemClock })) ?? [];
    expect([first, more]).toEqual([recipient, []]);
    expect(await readFile(server(), 'utf8')).toContain(`# public key: ${own}\n`);
    const again = configOf({ recipients: [recipient, own ?? ''] });
    expect(await recipientsOf({ config: again, clock: systemClock })).toEqual([recipient, own]);
  });
});

describe('the identity files that are tried', () => {
  test("are the server's, the configured one, the named one", () => {
    expect(identityFiles(configOf(null))).toEqual([server()]);
    expect(identityFiles(configOf({ identityFile: '/a' }), '/b')).toEqual([server(), '/a', '/b']);
  });
  test('a named one must be one', async () => {
    expect(await checkedIdentityFiles(configOf(), mine)).toEqual([server(), mine]);
    await expect(checkedIdentityFiles(configOf(), join(root, 'none'))).rejects.toMatchObject({
      code: 'config-invalid',
    });
  });
});

describe("the server's identity before a deploy", () => {
  test('may be missing, and must be good where it is there', async () => {
    await checkServerIdentity(configOf());
    await recipientsOf({ config: configOf(), clock: systemClock });
    await checkServerIdentity(configOf());
    await chmod(server(), 0o644);
    await expect(checkServerIdentity(configOf())).rejects.toMatchObject({ code: 'config-unsafe' });
    await checkServerIdentity(configOf(null));
    await writeFile(server(), 'rubbish\n', { mode: 0o600 });
    await chmod(server(), 0o600);
    await expect(checkServerIdentity(configOf())).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

describe('what doctor finds', () => {
  test('where all is well', async () => {
    expect(await keysFinding(configOf(null))).toBe('off');
    expect(await keysFinding(configOf())).toBe('to 1 recipient and this server');
    await backUp('000001', configOf(null));
    await backUp('000002');
    expect(await keysFinding(configOf())).toBe(
      'to 1 recipient and this server; 1 encrypted backup can be decrypted here',
    );
    expect(await keysFinding(configOf(null))).toBe('off; 1 encrypted backup can be decrypted here');
  });

  test('where the identity is gone, encryption on or off, unless another one fits', async () => {
    await backUp('000001');
    await backUp('000002');
    await rm(server());
    for (const config of [configOf(), configOf(null)]) {
      await expect(keysFinding(config)).rejects.toMatchObject({
        code: 'check-failed',
        message: 'no identity on this server can decrypt 2 of 2 encrypted backups: 000002, 000001',
        hint: expect.stringContaining(server()),
      });
    }
    expect(await keysFinding(configOf({ identityFile: mine }))).toContain('2 encrypted backups can be decrypted here');
    // A new one of the server's does not read what the old one did.
    await backUp('000003');
    await expect(keysFinding(configOf())).rejects.toThrow('2 of 3 encrypted backups');
  });

  test('where a file of the configuration is none', async () => {
    await expect(keysFinding(configOf({ identityFile: join(root, 'none') }))).rejects.toThrow(/there is no such file/);
    expect(await keysFinding(configOf({ identityFile: mine }))).toContain('to 1 recipient');
    await chmod(mine, 0o644);
    await expect(keysFinding(configOf({ identityFile: mine }))).rejects.toMatchObject({ code: 'config-unsafe' });
  });
});
