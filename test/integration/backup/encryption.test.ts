import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { BSON } from 'mongodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/backup/content-hash.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { drillBackup } from '../../../src/backup/drill.ts';
import type { Manifest } from '../../../src/backup/manifest.ts';
import { restoreBackup } from '../../../src/backup/restore.ts';
import { verifyBackup } from '../../../src/backup/verify.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { eachOnServer, insertBytes, peculiarDocuments, type Workspace } from './fixtures.ts';
import type { MongoServer } from './mongo-server.ts';

const run = promisify(execFile);
const age = (...argv: readonly string[]): Promise<{ readonly stdout: Buffer }> =>
  run('age', argv, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
const hasAge = await age('--version').then(
  () => true,
  () => false,
);

let server: MongoServer;
let space: Workspace;
let name: string;
eachOnServer((given) => {
  ({ server, space, name } = given);
});

let recipient: string;
let key: string;
beforeEach(async () => {
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  await mkdir(space.directory, { recursive: true, mode: 0o700 });
  key = join(space.directory, 'key.txt');
  await writeFile(key, `# created: now\n# public key: ${recipient}\n${identity}\n`, { mode: 0o600 });
});

const backUp = async (id: string, recipients: readonly string[] | null): Promise<Manifest> =>
  createBackup({
    ...{ database: await server.open(name), directory: space.directory, id, operation: null, release: 'v1' },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock, recipients },
  });
const fill = async (): Promise<string> => {
  await insertBytes(server.client, name, 'odd', peculiarDocuments());
  const pad = 'kaleem'.repeat(500);
  await server.client
    .db(name)
    .collection('plain')
    .insertMany(Array.from({ length: 3_000 }, (_, n) => ({ _id: new BSON.Int32(n) as unknown as never, pad })));
  return (await contentHash(await server.open(name))).hash;
};
const restore = async (path: string, identityFiles: readonly string[]) =>
  restoreBackup({
    ...{ database: await server.open(name), path, identityFiles, operation: await space.operation() },
    ...{ extra: 'drop', force: false, clock: systemClock },
  });
const spoil = () => server.client.db(name).collection('plain').deleteMany({});

describe('an encrypted backup', () => {
  test('is verified, rehearsed and restored with an identity, and refused untouched without', async () => {
    const before = await fill();
    const path = join(space.directory, (await backUp('000001-v1', [recipient])).archive);
    await spoil();
    const spoilt = (await contentHash(await server.open(name))).hash;
    await expect(restore(path, [])).rejects.toMatchObject({ code: 'identity-missing' });
    expect((await contentHash(await server.open(name))).hash).toBe(spoilt);
    const drilled = await drillBackup({
      ...{ database: await server.open(name), path, identityFiles: [key], operation: await space.operation() },
      ...{ clock: systemClock, project: 'shop' },
    });
    expect(drilled.documents).toBe(3_000 + peculiarDocuments().length);
    await restore(path, [key]);
    expect((await contentHash(await server.open(name))).hash).toBe(before);
  });

  test('with a byte changed is refused before anything is touched', async () => {
    await fill();
    const path = join(space.directory, (await backUp('000001-v1', [recipient])).archive);
    await spoil();
    const spoilt = (await contentHash(await server.open(name))).hash;
    const bytes = await readFile(path);
    for (const at of [100, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x20;
      await writeFile(path, changed);
      await expect(restore(path, [key])).rejects.toMatchObject({ code: 'backup-invalid' });
    }
    expect((await contentHash(await server.open(name))).hash).toBe(spoilt);
  });
});

describe.runIf(hasAge)('the age program', () => {
  test('and gunzip give what a backup that is not encrypted holds, without us', async () => {
    await fill();
    const { archive } = await backUp('000001-v1', [recipient]);
    const plain = await backUp('000002-v1', null);
    const { stdout } = await age('-d', '-i', key, join(space.directory, archive));
    const [ours, other] = [gunzipSync(stdout), gunzipSync(await readFile(join(space.directory, plain.archive)))];
    expect(ours.length).toBeGreaterThan(9_000_000);
    // Collections are dumped side by side: what follows the prelude is in another order each time, but all of it is there.
    const sorted = (bytes: Buffer): Buffer => Buffer.from(bytes).sort();
    expect(ours.subarray(0, 4).equals(other.subarray(0, 4))).toBe(true);
    expect(sorted(ours).equals(sorted(other))).toBe(true);
    const path = join(space.directory, 'plain.archive');
    await writeFile(path, ours);
    expect((await verifyBackup(path)).contentHash).toBe(plain.contentHash);
  });

  test('has encrypted a gzipped archive, which is verified and restored by path', async () => {
    const before = await fill();
    const { archive } = await backUp('000001-v1', null);
    const plain = join(space.directory, archive);
    for (const [from, to] of [
      [plain, 'dump.gz.age'],
      [join(space.directory, 'dump.archive'), 'any name'],
    ] as const) {
      if (from !== plain) await writeFile(from, gunzipSync(await readFile(plain)));
      const path = join(space.directory, to);
      await age('-r', recipient, '-o', path, from);
      await expect(verifyBackup(path)).rejects.toMatchObject({ code: 'identity-missing' });
      await spoil();
      await restore(path, [key]);
      expect((await contentHash(await server.open(name))).hash).toBe(before);
    }
  });

  test('in ASCII armor is refused, with the command that helps', async () => {
    const path = join(space.directory, 'armored.age');
    await writeFile(join(space.directory, 'x.gz'), gzipSync('x'));
    await age('-a', '-r', recipient, '-o', path, join(space.directory, 'x.gz'));
    await expect(verifyBackup(path, { identityFiles: [key] })).rejects.toMatchObject({
      code: 'backup-invalid',
      hint: expect.stringContaining('age -d -i'),
    });
  });
});
