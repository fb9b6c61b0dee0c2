import { gzipSync } from 'node:zlib';
import { BSON } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBackup, verifyBackup } from '../../../src/backup/verify.ts';
import {
  archive,
  block,
  bson,
  crcOf,
  END,
  end,
  entry,
  header,
  MAGIC,
  metadata,
  type TemporaryFolder,
  temporaryFolder,
  whole,
} from './archive-builder.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const one = bson({ _id: 1 });
const two = bson({ _id: 2, text: 'x' });
const good = (): Buffer => archive(header(), entry('a'), entry('b'), END, whole('a', one, two), whole('b'));
const problem = async (bytes: Buffer): Promise<string> =>
  readBackup(await folder.file(bytes)).then(
    () => 'nothing',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('archives as mongodump writes them', () => {
  test('plain, and gzip in one stream', async () => {
    for (const path of [await folder.file(good()), await folder.gzipped(good())]) {
      const { manifest, namespaces, content } = await readBackup(path);
      expect(manifest).toBeNull();
      expect(namespaces.map(({ collection, documents }) => [collection, documents])).toEqual([
        ['a', 2],
        ['b', 0],
      ]);
      expect(content).toMatchObject({ documents: 2, bytes: one.length + two.length });
      expect(await verifyBackup(path)).toMatchObject({
        consistency: 'not-point-in-time',
        documents: 2,
        operation: null,
      });
    }
  });
  test('gzip in several members', async () => {
    const bytes = good();
    const members = Buffer.concat([gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))]);
    expect((await readBackup(await folder.file(members))).content.documents).toBe(2);
  });
  test('blocks of several collections interleaved', async () => {
    const bytes = archive(
      header(),
      entry('a'),
      entry('b'),
      END,
      block('a', one),
      block('b', one),
      block('a', two),
      end('b', crcOf(one)),
      end('a', crcOf(one, two)),
    );
    expect((await readBackup(await folder.file(bytes))).content.documents).toBe(3);
  });
  test('without types, with relaxed metadata, and with no metadata at all', async () => {
    const relaxed = JSON.stringify({
      options: { capped: true, size: 4096 },
      indexes: [{ v: 2, key: { _id: 1 }, name: '_id_' }],
    });
    const old = (collection: string, text: string) => bson({ db: 'd', collection, metadata: text, size: 0 });
    const view = JSON.stringify({ options: { viewOn: 'a', pipeline: [] }, indexes: [] });
    const bytes = archive(
      header(),
      old('a', relaxed),
      old('v', view),
      old('n', ''),
      END,
      whole('a', one),
      whole('v'),
      whole('n'),
    );
    const { namespaces } = await readBackup(await folder.file(bytes));
    expect(namespaces.map(({ type }) => type)).toEqual(['collection', 'view', 'collection']);
    expect(namespaces[0]?.options.size).toBe(2);
  });
  test('a namespace that only ends', async () => {
    const bytes = archive(header(), entry('a'), END, end('a', BSON.Long.ZERO));
    expect((await readBackup(await folder.file(bytes))).namespaces.length).toBe(1);
  });
  test.each(['system.buckets.t', 't'])('a time series whose data travels as %s', async (body) => {
    const options = { timeseries: { timeField: 'at' } };
    const bytes = archive(
      header(),
      entry('t', { type: 'timeseries', metadata: metadata('t', { options }) }),
      END,
      whole(body, one),
    );
    expect((await readBackup(await folder.file(bytes))).namespaces[0]).toMatchObject({
      collection: 't',
      type: 'timeseries',
      documents: 1,
      body: `d.${body}`,
    });
  });
  test('an oplog at the end is counted and belongs to nobody', async () => {
    const oplog = Buffer.concat([bson({ db: '', collection: 'oplog', EOF: false, CRC: BSON.Long.ZERO }), one, END]);
    const oplogEnd = Buffer.concat([bson({ db: '', collection: 'oplog', EOF: true, CRC: crcOf(one) }), END]);
    const { oplogEntries, namespaces } = await readBackup(await folder.file(Buffer.concat([good(), oplog, oplogEnd])));
    expect(oplogEntries).toBe(1);
    expect(namespaces.length).toBe(2);
  });
  test('extra fields in header and prelude', async () => {
    const bytes = archive(header({ extra: 1 }), entry('a', { extra: 'x' }), END, whole('a'));
    expect((await readBackup(await folder.file(bytes))).namespaces.length).toBe(1);
  });
});

/** A document with one byte replaced. */
const altered = (bytes: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
};
const longer = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0, 0]);
const body = (...parts: Buffer[]): Buffer => archive(header(), entry('a'), END, ...parts);
const nested = (levels: number): Buffer => {
  let inner = Buffer.from([5, 0, 0, 0, 0]);
  for (let level = 0; level < levels; level++) {
    const outer = Buffer.alloc(inner.length + 8);
    outer.writeInt32LE(outer.length);
    outer[4] = 3;
    outer[5] = 0x61;
    inner.copy(outer, 7);
    inner = outer;
  }
  return inner;
};

describe('archives that are damaged', () => {
  const cases: [string, Buffer, RegExp][] = [
    ['an empty file', Buffer.alloc(0), /not an archive/],
    ['another kind of file', Buffer.from('hello, this is text'), /not an archive/],
    ['nothing after the magic', MAGIC, /cut off before the archive header/],
    ['no archive header', archive(END), /at byte 4: there is no archive header/],
    ['a header of another version', archive(header({ version: '0.2' }), END), /version "0\.2", and only "0\.1"/],
    [
      'a header without server version',
      archive(bson({ version: '0.1', tool_version: 'x' }), END),
      /server_version is not a text/,
    ],
    ['a prelude that is cut off', archive(header(), entry('a').subarray(0, 20)), /cut off in a prelude entry/],
    ['a prelude without an end', archive(header(), entry('a')), /cut off before a prelude entry/],
    ['a collection announced twice', archive(header(), entry('a'), entry('a'), END), /d\.a is announced twice/],
    [
      'an entry without a collection',
      archive(header(), bson({ db: 'd', metadata: '' }), END),
      /collection is not a text/,
    ],
    ['metadata that is not JSON', archive(header(), entry('a', { metadata: '{"indexes":' }), END), /not Extended JSON/],
    [
      'an index without a name',
      archive(header(), entry('a', { metadata: '{"indexes":[{"key":{"a":1}}]}' }), END),
      /an index has no name/,
    ],
    ['a type nobody knows', archive(header(), entry('a', { type: 'graph' }), END), /type "graph" is not known/],
    [
      'an entry as large as memory',
      archive(header(), longer),
      /a prelude entry at byte \d+: .*2147483647 bytes, more than the largest/,
    ],
    [
      'a document as large as memory',
      body(block('a').subarray(0, -4), longer),
      /d\.a at byte \d+: .*more than the largest/,
    ],
    [
      'a document of 4 bytes',
      body(block('a', Buffer.from([4, 0, 0, 0]))),
      /d\.a at byte \d+: .*has 4 bytes, fewer than the smallest/,
    ],
    ['a document of negative length', body(block('a', Buffer.from([0xfe, 0xff, 0xff, 0xff]))), /has -2 bytes/],
    [
      'a document that does not end with zero',
      body(whole('a', altered(one, one.length - 1, 7))),
      /does not end with a zero byte/,
    ],
    ['a type byte nobody knows', body(whole('a', altered(one, 4, 0x44))), /d\.a at byte \d+: 0x44 is no BSON type/],
    [
      'a string that is too long',
      body(whole('a', altered(two, two.indexOf('text\0') + 5, 99))),
      /a string says it has 99 bytes/,
    ],
    [
      'a string of no bytes',
      body(whole('a', altered(two, two.indexOf('text\0') + 5, 0))),
      /a string says it has 0 bytes/,
    ],
    [
      'a name that does not end',
      body(whole('a', Buffer.from([8, 0, 0, 0, 10, 0x61, 0x61, 0]))),
      /a name or pattern does not end/,
    ],
    ['documents nested beyond measure', body(whole('a', nested(5000))), /nested deeper than/],
    [
      'one flipped bit in a document',
      body(block('a', altered(two, two.length - 3, 0x79)), end('a', crcOf(two))),
      /d\.a at byte \d+: its CRC is [0-9a-f]{16}, the archive says/,
    ],
    ['a document missing', body(block('a', one), end('a', crcOf(one, two))), /its CRC is/],
    ['two documents in another order', body(block('a', two, one), end('a', crcOf(one, two))), /its CRC is/],
    [
      'a collection missing',
      archive(header(), entry('a'), entry('b'), END, whole('a', one)),
      /d\.b at byte \d+: the prelude announces it and the archive does not hold it/,
    ],
    [
      'a collection too many',
      body(whole('a', one), whole('b', one)),
      /d\.b at byte \d+: the prelude does not announce it/,
    ],
    ['a collection twice', body(whole('a', one), whole('a', one)), /d\.a at byte \d+: it appears again after its end/],
    ['a collection that does not end', body(block('a', one)), /d\.a at byte \d+: the archive ends before it does/],
    [
      'documents after a collection ended',
      body(block('a', one), Buffer.concat([bson({ db: 'd', collection: 'a', EOF: true, CRC: crcOf(one) }), one, END])),
      /documents follow its end/,
    ],
    [
      'a cut in the midst of a document',
      body(block('a', one, two)).subarray(0, -8),
      /d\.a at byte \d+: the archive is cut off/,
    ],
    ['a cut between documents', body(block('a', one, two)).subarray(0, -4), /the archive is cut off/],
    ['a cut in a block header', body(block('a').subarray(0, 10)), /cut off in a block header/],
    [
      'a block header with a field too many',
      body(Buffer.concat([bson({ db: 'd', collection: 'a', EOF: false, CRC: BSON.Long.ZERO, x: 1 }), END])),
      /it has the fields CRC,EOF,collection,db,x/,
    ],
    [
      'a CRC that is no 64-bit integer',
      body(Buffer.concat([bson({ db: 'd', collection: 'a', EOF: true, CRC: 0 }), END])),
      /its CRC is no 64-bit integer/,
    ],
    ['a terminator too many', body(whole('a', one), END), /a terminator stands where a block must start/],
    ['garbage at the end', Buffer.concat([good(), Buffer.from('garbage garbage')]), /block header at byte \d+|cut off/],
    ['zeros at the end', Buffer.concat([good(), Buffer.alloc(512)]), /block header at byte \d+: .*has 0 bytes/],
    [
      'more collections open than announced',
      archive(
        header({ concurrent_collections: new BSON.Int32(1) }),
        entry('a'),
        entry('b'),
        END,
        block('a', one),
        block('b', one),
      ),
      /more than 1 namespaces are open/,
    ],
    [
      'a collection after the oplog',
      archive(
        header(),
        entry('a'),
        END,
        Buffer.concat([bson({ db: '', collection: 'oplog', EOF: true, CRC: BSON.Long.ZERO }), END]),
        whole('a'),
      ),
      /d\.a at byte \d+: it comes after the oplog/,
    ],
    ['a gzip stream that is cut off', gzipSync(good()).subarray(0, -20), /gzip stream does not end/],
    ['a gzip stream with a flipped bit', altered(gzipSync(good()), 60, 0x55), /gzip stream is damaged/],
    [
      'zeros after the gzip stream',
      Buffer.concat([gzipSync(good()), Buffer.alloc(512)]),
      /512 bytes follow the end of its gzip stream/,
    ],
    [
      'garbage after the gzip stream',
      Buffer.concat([gzipSync(good()), Buffer.from('garbage')]),
      /gzip stream is damaged/,
    ],
    ['a gzip member missing at the end', Buffer.concat([gzipSync(good().subarray(0, 120))]), /cut off/],
  ];
  test.each(cases)('%s', async (_, bytes, message) => {
    expect(await problem(bytes)).toMatch(message);
    expect(await problem(bytes)).toMatch(/^backup-invalid: \//);
  });

  test('a folder, or no file at all', async () => {
    await expect(readBackup(folder.path)).rejects.toMatchObject({ code: 'backup-invalid' });
    await expect(readBackup(`${folder.path}/none.archive`)).rejects.toMatchObject({ code: 'backup-invalid' });
  });

  test('no flipped bit anywhere in an archive goes unnoticed but in labels', async () => {
    const bytes = good();
    const unnoticed: number[] = [];
    const content = (await readBackup(await folder.file(bytes))).content.hash;
    for (let at = 0; at < bytes.length; at++) {
      const path = await folder.file(altered(bytes, at, (bytes[at] as number) ^ 4), 'flipped.archive');
      const hash = await readBackup(path).then(
        (backup) => backup.content.hash,
        () => null,
      );
      if (hash === content) unnoticed.push(at);
    }
    // What is not checked without a manifest: versions, sizes, and what else says nothing about the data.
    const bodyStart = bytes.indexOf(END) + 4;
    const inBody = unnoticed.filter((at) => at >= bodyStart);
    // The CRC of a block that does not end its collection means nothing (8 bytes, three blocks).
    expect(inBody.length).toBeLessThanOrEqual(2 * 8);
  });
});
