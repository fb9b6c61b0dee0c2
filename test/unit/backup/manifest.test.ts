import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BSON } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBackup } from '../../../src/backup/create.ts';
import {
  type Manifest,
  manifestPath,
  parseManifest,
  readManifest,
  writeManifest,
} from '../../../src/backup/manifest.ts';
import { verifyBackup } from '../../../src/backup/verify.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { type TemporaryFolder, temporaryFolder } from './archive-builder.ts';
import { document, fakeServer } from './fake-server.ts';

let folder: TemporaryFolder;
let manifest: Manifest;
let path: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  const server = fakeServer('d', {
    collections: {
      a: {
        documents: [document({ _id: new BSON.Int32(1) }), document({ _id: new BSON.Int32(2) })],
        indexes: [{ v: 2, key: { x: 1 }, name: 'x_1' }],
      },
      b: {},
    },
  });
  manifest = await createBackup({
    ...{ database: server, directory: folder.path, id: '000001-v1', operation: '000001-abcd', release: 'v1' },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
  });
  path = join(folder.path, manifest.archive);
});
afterEach(() => folder.remove());

test('a manifest is private and reads back as it was written', async () => {
  expect(await readManifest(manifestPath(path))).toEqual(manifest);
  expect((await stat(manifestPath(path))).mode & 0o777).toBe(0o600);
  expect(await verifyBackup(path)).toEqual(manifest);
});

test('there is none where there is no file', async () => {
  expect(await readManifest(join(folder.path, 'none.manifest.json'))).toBeNull();
});

describe('a manifest that says something else than the archive', () => {
  const [first] = [0];
  const changes: [string, (from: Manifest) => Manifest, RegExp][] = [
    ['another digest', (from) => ({ ...from, sha256: 'f'.repeat(64) }), /its SHA-256 is/],
    ['another size', (from) => ({ ...from, bytes: from.bytes + 1 }), /bytes, the manifest says/],
    ['another content hash', (from) => ({ ...from, contentHash: 'f'.repeat(64) }), /its content hash is/],
    [
      'a collection too many',
      (from) => ({
        ...from,
        namespaces: [
          ...from.namespaces,
          { ...(from.namespaces[first] as Manifest['namespaces'][number]), collection: 'z' },
        ],
      }),
      /d\.z: the manifest lists it and the archive does not hold it/,
    ],
    [
      'a collection too few',
      (from) => ({ ...from, namespaces: from.namespaces.slice(1) }),
      /d\.a: the manifest does not list it/,
    ],
    [
      'another number of documents',
      (from) => altered(from, { documents: 3 }),
      /d\.a: its number of documents is 2, the manifest says 3/,
    ],
    ['another number of bytes', (from) => altered(from, { bytes: 1 }), /d\.a: its number of bytes/],
    ['another CRC', (from) => altered(from, { crc: '0'.repeat(16) }), /d\.a: its CRC is/],
    ['another kind', (from) => altered(from, { type: 'view' }), /d\.a: its type is collection, the manifest says view/],
    [
      'another index',
      (from) => altered(from, { indexes: ['_id_'] }),
      /d\.a: its index list is _id_ x_1, the manifest says _id_/,
    ],
    ['another hash', (from) => altered(from, { hash: '0'.repeat(64) }), /d\.a: its hash is/],
  ];
  const altered = (from: Manifest, change: Partial<Manifest['namespaces'][number]>): Manifest => ({
    ...from,
    namespaces: from.namespaces.map((each, index) => (index === 0 ? { ...each, ...change } : each)),
  });
  test.each(changes)('%s', async (_, change, message) => {
    await writeManifest(folder.path, change(manifest));
    await expect(verifyBackup(path)).rejects.toMatchObject({
      code: 'backup-invalid',
      message: expect.stringMatching(message),
    });
  });
});

describe('a damaged manifest', () => {
  test('any flipped bit shows, in labels too', async () => {
    const file = manifestPath(path);
    const text = await readFile(file);
    const unnoticed: number[] = [];
    for (let at = 0; at < text.length; at += 3) {
      const flipped = Buffer.from(text);
      flipped[at] = (flipped[at] as number) ^ 1;
      try {
        parseManifest(file, flipped.toString());
        unnoticed.push(at);
      } catch (error) {
        expect(error).toMatchObject({ code: 'backup-invalid' });
      }
    }
    expect(unnoticed).toEqual([]);
  });
  test.each(['', '{', 'null', '[]', '{"formatVersion":2}'])('%j', async (text) => {
    await writeFile(manifestPath(path), text);
    await expect(verifyBackup(path)).rejects.toMatchObject({ code: 'backup-invalid' });
  });
  test('a path in place of a file name is refused', async () => {
    expect(() =>
      parseManifest('m', JSON.stringify({ ...manifest, archive: '../../etc/passwd', checksum: 'x' })),
    ).toThrow(/wrong at archive/);
  });
  test('the manifest of another archive is refused', async () => {
    await copyFile(path, join(folder.path, '000002-v2.archive.gz'));
    await copyFile(manifestPath(path), join(folder.path, '000002-v2.manifest.json'));
    await expect(verifyBackup(join(folder.path, '000002-v2.archive.gz'))).rejects.toThrow(/the manifest of 000001-v1/);
  });
});

test('a backup whose archive lost its last bytes is refused', async () => {
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, -1));
  await chmod(path, 0o600);
  await expect(verifyBackup(path)).rejects.toMatchObject({ code: 'backup-invalid' });
});
