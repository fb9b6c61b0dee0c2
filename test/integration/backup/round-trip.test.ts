import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { hasChanged } from '../../../src/backup/changed.ts';
import { findLeftovers } from '../../../src/backup/collections.ts';
import { contentHash } from '../../../src/backup/content-hash.ts';
import { createBackup } from '../../../src/backup/create.ts';
import type { Manifest } from '../../../src/backup/manifest.ts';
import { readCollection } from '../../../src/backup/raw-read.ts';
import { countDocuments } from '../../../src/backup/restore/server-steps.ts';
import { type RestoreOptions, restoreBackup } from '../../../src/backup/restore.ts';
import { readBackup, verifyBackup } from '../../../src/backup/verify.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { eachOnServer, insertBytes, peculiarDocuments, type Workspace } from './fixtures.ts';
import type { MongoServer } from './mongo-server.ts';

let server: MongoServer;
let space: Workspace;
let name: string;

eachOnServer((given) => {
  ({ server, space, name } = given);
});

const backUp = async (options: { id?: string; compression?: number; scope?: string | null } = {}): Promise<Manifest> =>
  createBackup({
    database: await server.open(options.scope === undefined ? name : options.scope),
    directory: space.directory,
    id: options.id ?? '000001-v1',
    ...{ operation: '000001-test', release: 'v1', consistency: 'fenced', compression: options.compression ?? 1 },
    clock: systemClock,
  });

const restore = async (manifest: Manifest, options: Partial<RestoreOptions> = {}) =>
  restoreBackup({
    database: await server.open(name),
    path: join(space.directory, manifest.archive),
    operation: await space.operation(),
    ...{ extra: 'drop', force: false, clock: systemClock, ...options },
  });

const documentsOf = async (collection: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { bytes } of readCollection(await server.open(name), name, collection)) {
    for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) {
      found.push(bytes.toString('hex', at, at + bytes.readInt32LE(at)));
    }
  }
  return found;
};

const hashNow = async () => (await contentHash(await server.open(name))).hash;
const collectionsNow = async () =>
  (await server.client.db(name).listCollections({}, { nameOnly: true }).toArray()).map((each) => each.name).sort();

describe('a dump and its restore', () => {
  test('brings back every BSON type byte for byte', async () => {
    await insertBytes(server.client, name, 'peculiar', peculiarDocuments());
    const before = await documentsOf('peculiar');
    // What the server stores is what went in, or the comparison below would prove little.
    expect(before.length).toBe(peculiarDocuments().length);
    const manifest = await backUp();
    await server.client.db(name).collection('peculiar').drop();
    const report = await restore(manifest);
    expect(await documentsOf('peculiar')).toEqual(before);
    expect(report).toMatchObject({
      documents: before.length,
      namespaces: 1,
      contentHash: manifest.contentHash,
      warnings: [],
    });
    expect(await hashNow()).toBe(manifest.contentHash);
  });

  test('carries documents of 16 MB, several batches, and collections without documents', async () => {
    const db = server.client.db(name);
    const big = Buffer.from(BSON.serialize({ _id: 0, s: 'x'.repeat(16 * 1024 * 1024 - 40) }));
    await insertBytes(server.client, name, 'big', [
      big,
      Buffer.from(BSON.serialize({ _id: 1, s: 'y'.repeat(15_000_000) })),
    ]);
    for (let at = 0; at < 30_000; at += 10_000) {
      await db
        .collection<{ _id: number; pad: string }>('many')
        .insertMany(Array.from({ length: 10_000 }, (_, index) => ({ _id: at + index, pad: 'p'.repeat(1_000) })));
    }
    await db.createCollection('empty');
    const manifest = await backUp();
    expect(manifest.namespaces.map(({ collection, documents }) => [collection, documents])).toEqual([
      ['big', 2],
      ['empty', 0],
      ['many', 30_000],
    ]);
    await db.dropDatabase();
    await restore(manifest);
    expect(await hashNow()).toBe(manifest.contentHash);
    expect(await collectionsNow()).toEqual(['big', 'empty', 'many']);
  });

  test('brings back indexes of every kind, expiry last and live', async () => {
    const db = server.client.db(name);
    await db.collection('c').insertMany([{ a: 1, at: new Date(), place: [1, 2], text: 'hello' }, { a: 2 }]);
    await db.collection('c').createIndexes([
      { key: { a: 1 }, name: 'unique', unique: true },
      { key: { b: 1 }, name: 'partial', partialFilterExpression: { a: { $gt: 1 } } },
      { key: { c: 1 }, name: 'sparse', sparse: true },
      { key: { at: 1 }, name: 'expiring', expireAfterSeconds: 86_400 },
      { key: { place: '2dsphere' }, name: 'where' },
      { key: { '$**': 1 }, name: 'wild' },
      { key: { a: 'hashed' }, name: 'hash' },
      { key: { a: 1, b: -1 }, name: 'compound' },
    ]);
    const before = await db.collection('c').listIndexes().toArray();
    const manifest = await backUp();
    await db.collection('c').drop();
    await db.collection('c').insertOne({ other: true });
    await restore(manifest);
    const byName = (a: { name?: string }, b: { name?: string }) => (String(a.name) < String(b.name) ? -1 : 1);
    expect((await db.collection('c').listIndexes().toArray()).sort(byName)).toEqual(before.sort(byName));
    expect(await hashNow()).toBe(manifest.contentHash);
  });

  test('brings back a text index', async () => {
    const db = server.client.db(name);
    await db.collection('c').insertOne({ title: 'hello world' });
    await db.collection('c').createIndex({ title: 'text' }, { name: 'words', weights: { title: 3 } });
    // The stand-in adds a `storageEngine` of its own to some of its indexes, when it likes.
    const own = async () =>
      (await db.collection('c').listIndexes().toArray()).map(({ storageEngine: _, ...index }) => index);
    const before = await own();
    const manifest = await backUp();
    await db.collection('c').drop();
    await restore(manifest);
    expect(await own()).toEqual(before);
    expect(await db.collection('c').countDocuments({ $text: { $search: 'hello' } })).toBe(1);
  });

  test('leaves private files, names without a trace of temporary ones, and an archive gzip can read', async () => {
    await server.client.db(name).collection('c').insertOne({ a: 1 });
    const manifest = await backUp();
    expect((await readdir(space.directory)).sort()).toEqual(['000001-v1.archive.gz', '000001-v1.manifest.json']);
    expect((await stat(space.directory)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(space.directory)) {
      expect((await stat(join(space.directory, file))).mode & 0o777).toBe(0o600);
    }
    const bytes = gunzipSync(await readFile(join(space.directory, manifest.archive)));
    expect(bytes.subarray(0, 4).toString('hex')).toBe('6de29981');
    await restore(manifest);
    expect(await collectionsNow()).toEqual(['c']);
    expect(await findLeftovers(await server.open(name))).toEqual([]);
  });

  test('works without compression too', async () => {
    await server.client.db(name).collection('c').insertOne({ a: 1 });
    const manifest = await backUp({ compression: 0 });
    expect(manifest.archive).toBe('000001-v1.archive');
    expect((await verifyBackup(join(space.directory, manifest.archive))).contentHash).toBe(manifest.contentHash);
    await server.client.db(name).collection('c').insertOne({ a: 2 });
    await restore(manifest);
    expect(await hashNow()).toBe(manifest.contentHash);
  });

  test('an empty database is a backup too, and restoring it empties', async () => {
    const manifest = await backUp();
    expect(manifest.namespaces).toEqual([]);
    await server.client.db(name).collection('new').insertOne({ a: 1 });
    const report = await restore(manifest);
    expect(report.droppedExtra).toEqual([`${name}.new`]);
    expect(await collectionsNow()).toEqual([]);
  });
});

test('documents are counted as they are, not as the server remembers them', async () => {
  const collection = server.client.db(name).collection('counted');
  const some = () => Array.from({ length: 3_000 }, (_, n) => ({ n }));
  await collection.insertMany(some());
  // What PostgreSQL does by itself now and then, in the middle of a restore as well.
  await server.sql?.('VACUUM ANALYZE');
  await collection.insertMany(some());
  const counted = { db: name, collection: 'counted' };
  expect(await countDocuments(await server.open(name), counted, 6_000)).toBe(6_000);
  await collection.deleteMany({});
  expect(await countDocuments(await server.open(name), counted, 0)).toBe(0);
});

describe('what is and is not in a backup', () => {
  test('a named database is that database only; no name is all of them', async () => {
    const other = server.freshName();
    try {
      await server.client.db(name).collection('c').insertOne({ a: 1 });
      await server.client.db(other).collection('d').insertOne({ a: 1 });
      const one = await backUp();
      expect(one.namespaces.map(({ db }) => db)).toEqual([name]);
      const all = await backUp({ id: '000002-all', scope: null });
      expect(all.scope).toBeNull();
      expect(all.namespaces.map(({ db }) => db)).toEqual(expect.arrayContaining([name, other]));
      // Restoring one database out of an archive of all leaves the others alone, and says so.
      await server.client.db(name).collection('c').insertOne({ a: 2 });
      await server.client.db(other).collection('d').insertOne({ a: 2 });
      const report = await restore(all);
      expect(report.warnings.join()).toContain('left out');
      expect(await server.client.db(name).collection('c').countDocuments()).toBe(1);
      expect(await server.client.db(other).collection('d').countDocuments()).toBe(2);
    } finally {
      await server.client.db(other).dropDatabase();
    }
  });

  test('collections that did not exist at backup time are dropped or kept as asked', async () => {
    const db = server.client.db(name);
    await db.collection('old').insertOne({ a: 1 });
    const manifest = await backUp();
    await db.collection('new').insertOne({ b: 1 });
    const kept = await restore(manifest, { extra: 'keep' });
    expect(kept).toMatchObject({ keptExtra: [`${name}.new`], droppedExtra: [] });
    expect(await collectionsNow()).toEqual(['new', 'old']);
    const dropped = await restore(manifest, { extra: 'drop' });
    expect(dropped).toMatchObject({ keptExtra: [], droppedExtra: [`${name}.new`] });
    expect(await collectionsNow()).toEqual(['old']);
  });
});

describe('whether the database changed since', () => {
  test('nothing did, a document did, one came twice, an index did, a collection did', async () => {
    const db = server.client.db(name);
    await db.collection<{ _id: number; a: number }>('c').insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
    ]);
    const manifest = await backUp();
    const changed = async () => (await hasChanged(await server.open(name), manifest)).changed;
    expect(await changed()).toBe(false);
    await db.collection('c').updateOne({ a: 1 }, { $set: { a: 2 } });
    expect(await changed()).toBe(true);
    await db.collection('c').updateOne({ a: 2 }, { $set: { a: 1 } });
    expect(await changed()).toBe(false);
    await db.collection('c').createIndex({ a: 1 });
    expect(await changed()).toBe(true);
    await db.collection('c').dropIndex('a_1');
    await db.createCollection('new');
    expect(await hasChanged(await server.open(name), manifest)).toEqual({
      changed: true,
      reason: `${name}.new differs from the backup`,
    });
    await db.collection('new').drop();
    expect(await changed()).toBe(false);
  });

  test('the archive alone gives the same content hash as the database', async () => {
    await insertBytes(server.client, name, 'peculiar', peculiarDocuments());
    await server.client.db(name).collection('peculiar').createIndex({ a: 1 });
    const manifest = await backUp();
    const { content } = await readBackup(join(space.directory, manifest.archive));
    expect(content).toEqual(await contentHash(await server.open(name)));
  });
});
