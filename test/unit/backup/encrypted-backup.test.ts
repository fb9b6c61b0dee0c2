import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { BSON } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { headerLength } from '../../../src/backup/age/header.ts';
import { findBackup, listBackups, nextBackupId, removeBackup } from '../../../src/backup/catalogue.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { type Manifest, manifestPath } from '../../../src/backup/manifest.ts';
import { readMarks } from '../../../src/backup/marks.ts';
import { readBackup, verifyBackup } from '../../../src/backup/verify.ts';
import { verifyMarked } from '../../../src/backup/verify-marked.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { removeTemporaries } from '../../../src/system/durable-file.ts';
import { dieAt, failingAt } from '../../support/failpoints.ts';
import { MAGIC, type TemporaryFolder, temporaryFolder } from './archive-builder.ts';
import { document, fakeServer } from './fake-server.ts';

let folder: TemporaryFolder;
let keys: TemporaryFolder;
let recipient: string;
let identity: string;
let key: string;
beforeEach(async () => {
  [folder, keys] = [await temporaryFolder(), await temporaryFolder()];
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  key = await keyFile('key.txt', identity);
});
afterEach(() => Promise.all([folder.remove(), keys.remove()]));

const keyFile = async (name: string, content: string): Promise<string> => {
  const path = join(keys.path, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
};
const server = () =>
  fakeServer('d', {
    collections: { a: { documents: [1, 2, 3].map((n) => document({ _id: new BSON.Int32(n), s: 'x'.repeat(n) })) } },
  });
const backUp = (id: string, recipients: readonly string[] | null = [recipient], compression = 1): Promise<Manifest> =>
  createBackup({
    ...{ database: server(), directory: folder.path, id, operation: null, release: 'v1', recipients },
    ...{ consistency: 'fenced', compression, clock: systemClock },
  });
const flip = async (path: string, at: number): Promise<void> => {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
};

describe('an encrypted backup', () => {
  test('is age around gzip around the archive; its manifest is of the file as it lies there', async () => {
    const manifest = await backUp('000001-v1');
    expect((await readdir(folder.path)).sort()).toEqual(['000001-v1.archive.gz.age', '000001-v1.manifest.json']);
    const path = join(folder.path, manifest.archive);
    const { size, mode } = await stat(path);
    expect([size, mode & 0o777]).toEqual([manifest.bytes, 0o600]);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const plain = gunzipSync(await decrypter.decrypt(await readFile(path)));
    expect(plain.subarray(0, 4).equals(MAGIC)).toBe(true);
    const backup = await readBackup(path, { identityFiles: [key] });
    expect(backup).toMatchObject({ sha256: manifest.sha256, identityFiles: [key], content: { documents: 3 } });
    expect(await verifyBackup(path, { identityFiles: [key] })).toEqual(manifest);
    // What it holds is what one that is not encrypted holds.
    const other = await backUp('000002-v1', null);
    expect([other.contentHash, other.namespaces]).toEqual([manifest.contentHash, manifest.namespaces]);
  });

  test('without compression is age around the archive', async () => {
    const { archive } = await backUp('000001', [recipient], 0);
    expect(archive).toBe('000001.archive.age');
    expect((await readBackup(join(folder.path, archive), { identityFiles: [key] })).content.documents).toBe(3);
  });

  test('is in the list beside those that are not, and is found and removed like them', async () => {
    await backUp('000001-v1', null);
    const { archive } = await backUp('000002-v1');
    await backUp('000003-v1', [recipient], 0);
    expect((await listBackups(folder.path)).map(({ id, problem }) => [id, problem])).toEqual([
      ['000003-v1', null],
      ['000002-v1', null],
      ['000001-v1', null],
    ]);
    expect(await nextBackupId(folder.path, 'v2')).toBe('000004-v2');
    expect((await findBackup(folder.path, '2')).path).toBe(join(folder.path, archive));
    await removeBackup(await findBackup(folder.path, '000002-v1'));
    expect((await readdir(folder.path)).filter((name) => name.startsWith('000002'))).toEqual([]);
    // A manifest that is damaged, or gone, still leaves one backup and not two.
    await writeFile(join(folder.path, '000003-v1.manifest.json'), '{');
    expect((await listBackups(folder.path))[0]).toMatchObject({
      id: '000003-v1',
      path: join(folder.path, '000003-v1.archive.age'),
      bytes: expect.any(Number),
    });
    await copyFile(join(folder.path, '000003-v1.archive.age'), join(folder.path, '000009-x.archive.gz.age'));
    expect((await listBackups(folder.path)).map(({ id }) => id)).toEqual(['000009-x', '000003-v1', '000001-v1']);
  });

  test('from elsewhere needs no manifest', async () => {
    const { archive, contentHash } = await backUp('000001-v1');
    const path = join(keys.path, 'copy.archive.gz.age');
    await copyFile(join(folder.path, archive), path);
    expect(await verifyBackup(path, { identityFiles: [key] })).toMatchObject({ id: 'copy', contentHash });
  });

  test('leaves nothing when it fails at any point', { timeout: 60_000 }, async () => {
    for (const [name, hit] of [
      ['archive.create.before', 1],
      ['archive.member.before', 1],
      ['archive.member.before', 2],
      ['archive.sync.before', 1],
      ['archive.rename.before', 1],
      ['file.create.written', 1],
    ] as const) {
      await failingAt(name, hit, 'ENOSPC', () =>
        expect(backUp('000001')).rejects.toMatchObject({
          code: 'backup-failed',
          message: expect.stringContaining('full'),
        }),
      );
      expect(await readdir(folder.path), `${name}#${hit}`).toEqual([]);
    }
  });
});

test.each(['archive.member.after', 'archive.rename.after'])(
  'one whose process died at %s is unfinished, and goes',
  async (at) => {
    const death = dieAt(at);
    await Promise.race([death.met, backUp('000001-v1')]);
    await death.bury();
    const names = await readdir(folder.path);
    expect(names).toEqual([
      at === 'archive.rename.after' ? '000001-v1.archive.gz.age' : '.000001-v1.archive.gz.age.tmp',
    ]);
    await removeTemporaries(folder.path);
    const [entry] = await listBackups(folder.path);
    if (entry !== undefined) {
      expect(entry).toMatchObject({ id: '000001-v1', manifest: null });
      await removeBackup(entry);
    }
    expect(await readdir(folder.path)).toEqual([]);
  },
);

describe('without the right identity', () => {
  test('a whole backup is not called damaged, and nothing of the kind is noted', async () => {
    const path = join(folder.path, (await backUp('000001-v1')).archive);
    const wrong = [await keyFile('other.txt', await generateX25519Identity())];
    for (const identityFiles of [[], wrong]) {
      await expect(verifyMarked(path, systemClock, { identityFiles })).rejects.toMatchObject({
        code: 'identity-missing',
        message: expect.stringContaining('000001-v1.archive.gz.age'),
      });
    }
    expect((await readMarks(path)).verified).toBeNull();
    await verifyMarked(path, systemClock, { identityFiles: [...wrong, key] });
    expect((await readMarks(path)).verified?.problem).toBeNull();
  });

  test('a damaged one is found all the same, by its digest', async () => {
    const path = join(folder.path, (await backUp('000001-v1')).archive);
    await flip(path, (await stat(path)).size - 1);
    await expect(verifyMarked(path, systemClock)).rejects.toMatchObject({
      code: 'backup-invalid',
      message: expect.stringContaining('its SHA-256 is'),
    });
    expect((await readMarks(path)).verified?.problem).toContain('its SHA-256 is');
  });
});

test('a backup of ours with any byte flipped is damaged, never one that lacks a key', { timeout: 60_000 }, async () => {
  const path = join(folder.path, (await backUp('000001-v1')).archive);
  const bytes = await readFile(path);
  const header = headerLength(bytes) ?? 0;
  // Each byte of the header, and of the nonce; the rest is sealed as one.
  for (let at = 0; at < bytes.length; at += at < header + 16 ? 1 : 7) {
    await flip(path, at);
    await expect(readBackup(path, { identityFiles: [key] }), `byte ${at}`).rejects.toMatchObject({
      code: 'backup-invalid',
      message: expect.stringContaining(path),
    });
    await flip(path, at);
  }
  expect((await readBackup(path, { identityFiles: [key] })).content.documents).toBe(3);
  expect(manifestPath(path)).toBe(join(folder.path, '000001-v1.manifest.json'));
});
