import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BSON } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ArchiveFile } from '../../../src/backup/archive/archive-file.ts';
import { fromExtendedJson } from '../../../src/backup/archive/extended-json.ts';
import { openNamespace, writePrelude } from '../../../src/backup/archive/writer.ts';
import { readBackup } from '../../../src/backup/verify.ts';
import { failingAt } from '../../support/failpoints.ts';
import { type TemporaryFolder, temporaryFolder } from './archive-builder.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const header = { concurrentCollections: 1, version: '0.1', serverVersion: '7.0.14', toolVersion: 't' };
const entry = (collection: string, metadata = '{}') => ({
  ...{ db: 'd', collection, type: 'collection' as const, uuid: null, size: 0, indexes: [] },
  options: fromExtendedJson(metadata),
});

/** BSON of a text field, by the specification: type 2, name, length with its zero, text, zero. */
const text = (name: string, value: string): string => {
  const length = Buffer.alloc(4);
  length.writeInt32LE(Buffer.byteLength(value) + 1);
  return `02${Buffer.from(`${name}\0`).toString('hex')}${length.toString('hex')}${Buffer.from(`${value}\0`).toString('hex')}`;
};
const documentOf = (fields: string): string => {
  const length = Buffer.alloc(4);
  length.writeInt32LE(4 + fields.length / 2 + 1);
  return `${length.toString('hex')}${fields}00`;
};
const name = (field: string): string => Buffer.from(`${field}\0`).toString('hex');

describe('the bytes of an archive', () => {
  test('are those of the description of the format, one by one', async () => {
    const path = join(folder.path, 'x.archive');
    const file = await ArchiveFile.create(path, 0);
    await writePrelude(file, header, [entry('c')]);
    const open = openNamespace(file, 'd', 'c');
    // {a: 1} twice: the CRC is over both, headers and terminators excluded.
    const document = Buffer.from('0c0000001061000100000000', 'hex');
    await open.write(document);
    await open.write(document);
    await open.close();
    await file.finish();
    const metadata = '{"indexes":[],"collectionName":"c","type":"collection"}';
    const crc = 'c6f6d92a1f3a5e4b';
    const bytes = (await readFile(path)).toString('hex');
    const expected = [
      '6de29981',
      documentOf(
        `10${name('concurrent_collections')}01000000${text('version', '0.1')}${text('server_version', '7.0.14')}${text('tool_version', 't')}`,
      ),
      documentOf(
        `${text('db', 'd')}${text('collection', 'c')}${text('metadata', metadata)}10${name('size')}00000000${text('type', 'collection')}`,
      ),
      'ffffffff',
      ...Array.from({ length: 2 }, () => [
        documentOf(`${text('db', 'd')}${text('collection', 'c')}08${name('EOF')}0012${name('CRC')}0000000000000000`),
        '0c0000001061000100000000',
        'ffffffff',
      ]).flat(),
      documentOf(`${text('db', 'd')}${text('collection', 'c')}08${name('EOF')}0112${name('CRC')}${crc}`),
      'ffffffff',
    ].join('');
    const crcAt = bytes.length - 'ffffffff'.length - '00'.length - crc.length;
    expect(bytes.slice(0, crcAt)).toBe(expected.slice(0, crcAt));
    expect(bytes.slice(crcAt + crc.length)).toBe(expected.slice(crcAt + crc.length));
    // The CRC by its definition, bit by bit.
    let sum = 0xffffffffffffffffn;
    for (const byte of Buffer.concat([document, document])) {
      sum ^= BigInt(byte);
      for (let bit = 0; bit < 8; bit++) sum = sum & 1n ? (sum >> 1n) ^ 0xc96c5795d7870f42n : sum >> 1n;
    }
    expect(Buffer.from(bytes.slice(crcAt, crcAt + 16), 'hex').readBigUInt64LE()).toBe(sum ^ 0xffffffffffffffffn);
  });

  test('hold options in canonical Extended JSON and an empty index list, never none', async () => {
    const path = join(folder.path, 'x.archive');
    const file = await ArchiveFile.create(path, 0);
    await writePrelude(file, header, [entry('c', '{"capped":true,"size":{"$numberLong":"4096"}}')]);
    await openNamespace(file, 'd', 'c').close();
    await file.finish();
    expect((await readFile(path)).toString('latin1')).toContain(
      '{"options":{"capped":true,"size":{"$numberLong":"4096"}},"indexes":[],"collectionName":"c","type":"collection"}',
    );
  });
});

describe('an archive file', () => {
  const write = async (level: number): Promise<string> => {
    const path = join(folder.path, `level${level}.archive`);
    const file = await ArchiveFile.create(path, level);
    await writePrelude(file, header, [entry('c'), entry('empty')]);
    const open = openNamespace(file, 'd', 'c');
    for (let n = 0; n < 3_000; n++) await open.write(Buffer.from(BSON.serialize({ _id: n, text: `${n}`.repeat(400) })));
    await open.close();
    await openNamespace(file, 'd', 'empty').close();
    const { bytes } = await file.finish();
    expect((await stat(path)).size).toBe(bytes);
    return path;
  };

  test.each([0, 1, 9])('written at level %i reads back the same', async (level) => {
    const { content, sha256 } = await readBackup(await write(level));
    expect(content.documents).toBe(3_000);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('of several namespaces at once has whole blocks, whoever writes when', async () => {
    const path = join(folder.path, 'x.archive');
    const file = await ArchiveFile.create(path, 1);
    const names = ['a', 'b', 'c'];
    await writePrelude(
      file,
      { ...header, concurrentCollections: 3 },
      names.map((each) => entry(each)),
    );
    const write = async (collection: string): Promise<void> => {
      const open = openNamespace(file, 'd', collection);
      for (let n = 0; n < 50; n++)
        await open.write(Buffer.from(BSON.serialize({ _id: n, pad: collection.repeat(60_000) })));
      await open.close();
    };
    await Promise.all(names.map(write));
    await file.finish();
    const { namespaces } = await readBackup(path);
    expect(namespaces.map(({ collection, documents }) => [collection, documents])).toEqual(
      names.map((each) => [each, 50]),
    );
  });

  test('compressed in several members is one stream to any gzip reader', async () => {
    const [plain, compressed] = [await write(0), await write(6)];
    expect(gunzipSync(await readFile(compressed)).equals(await readFile(plain))).toBe(true);
  });

  test('is private, and has its name only when it is finished', async () => {
    const path = join(folder.path, 'x.archive');
    const file = await ArchiveFile.create(path, 1);
    await file.write(Buffer.alloc(3_000_000));
    expect(await readdir(folder.path)).toEqual(['.x.archive.tmp']);
    await file.finish();
    expect(await readdir(folder.path)).toEqual(['x.archive']);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('that is abandoned leaves nothing', async () => {
    const file = await ArchiveFile.create(join(folder.path, 'x.archive'), 1);
    await file.write(Buffer.alloc(3_000_000));
    await file.abandon();
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('that has its name and then cannot be made durable leaves nothing when it is abandoned', async () => {
    const file = await ArchiveFile.create(join(folder.path, 'x.archive'), 1);
    await file.write(Buffer.alloc(3_000_000));
    await failingAt('file.sync-directory.before', 1, 'ENOSPC', () =>
      expect(file.finish()).rejects.toMatchObject({ code: 'ENOSPC' }),
    );
    expect(await readdir(folder.path)).toEqual(['x.archive']);
    await file.abandon();
    expect(await readdir(folder.path)).toEqual([]);
  });
});
