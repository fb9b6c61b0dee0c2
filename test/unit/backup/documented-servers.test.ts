import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BSON, type Document } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBackup, removeBackup } from '../../../src/backup/catalogue.ts';
import { hasChanged } from '../../../src/backup/changed.ts';
import type { Database } from '../../../src/backup/connection.ts';
import { createBackup } from '../../../src/backup/create.ts';
import type { Consistency, Manifest } from '../../../src/backup/manifest.ts';
import type { NamespaceFilter } from '../../../src/backup/namespace-filter.ts';
import { restoreBackup } from '../../../src/backup/restore.ts';
import { endServerOperations } from '../../../src/backup/server-operations.ts';
import { pauseTtl } from '../../../src/backup/ttl.ts';
import { verifyBackup } from '../../../src/backup/verify.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { type TemporaryFolder, temporaryFolder } from './archive-builder.ts';
import { document, type FakeServer, fakeServer, serverError, withoutJournal } from './fake-server.ts';

/** What the test bed's server cannot do, against replies as MongoDB's manual documents them. */

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const backUp = (database: Database, consistency: Consistency = 'fenced', id = '000001'): Promise<Manifest> =>
  createBackup({
    ...{ database, directory: folder.path, id, operation: null, release: null, compression: 1 },
    ...{ consistency, clock: systemClock },
  });

const operation = withoutJournal('000002-abcd');
const restore = (
  database: Database,
  manifest: Manifest,
  extra: 'drop' | 'keep' = 'drop',
  filter: NamespaceFilter | null = null,
) =>
  restoreBackup({
    ...{
      database,
      path: join(folder.path, manifest.archive),
      operation,
      extra,
      filter,
      force: false,
      clock: systemClock,
    },
  });

const id = (n: number): Buffer => document({ _id: new BSON.Int32(n) });
const hex = (server: FakeServer, name: string): string[] =>
  (server.collection(name)?.documents ?? []).map((each) => each.toString('hex'));

describe('some collections only', () => {
  const source = () =>
    fakeServer('d', {
      collections: {
        a: { documents: [id(1)] },
        b: { documents: [id(2)] },
        v: { type: 'view', options: { viewOn: 'a', pipeline: [] } },
      },
    });
  const chosen = (server: FakeServer, filter: NamespaceFilter) =>
    createBackup({
      ...{ database: server, directory: folder.path, id: '000001', operation: null, release: null, compression: 1 },
      ...{ consistency: 'fenced', clock: systemClock, filter },
    });
  const names = ({ namespaces }: Manifest) => namespaces.map(({ collection }) => collection);

  test('are what a backup with a filter holds, and its manifest says so', async () => {
    const manifest = await chosen(source(), { include: ['d.*'], exclude: ['d.b'] });
    expect(names(manifest)).toEqual(['a', 'v']);
    expect(manifest.partial).toEqual({ include: ['d.*'], exclude: ['d.b'] });
    expect(await verifyBackup(join(folder.path, manifest.archive))).toEqual(manifest);
    expect((await backUp(source(), 'fenced', '000002')).partial).toBeUndefined();
  });

  test('a collection left out may change while it is made, one that is chosen may not', async () => {
    const changing = () => {
      let read = 0;
      return fakeServer('d', {
        collections: { a: { documents: [id(1)] }, b: {} },
        override: ({ find }, { collection }) => {
          if (find === 'a') read += 1;
          if (read === 1) collection('b')?.indexes.push({ v: 2, key: { x: 1 }, name: 'x_1' });
          return null;
        },
      });
    };
    expect(names(await chosen(changing(), { include: ['d.a'], exclude: [] }))).toEqual(['a']);
    await removeBackup(await findBackup(folder.path, '000001'));
    await expect(chosen(changing(), { include: ['d.a', 'd.b'], exclude: [] })).rejects.toMatchObject({
      code: 'backup-failed',
      message: expect.stringContaining('d.b'),
    });
  });

  test('nothing is left behind when the filter leaves nothing', async () => {
    await expect(chosen(source(), { include: ['d.nope'], exclude: [] })).rejects.toMatchObject({ code: 'not-found' });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('a restore of a partial backup leaves alone, and never drops, what it was not to hold', async () => {
    const manifest = await chosen(source(), { include: ['d.a'], exclude: [] });
    const target = fakeServer('d', {
      collections: { a: {}, b: { documents: [id(9)] }, other: { documents: [id(8)] } },
    });
    await restore(target, manifest, 'drop');
    expect(target.names()).toEqual(['a', 'b', 'other']);
    expect(hex(target, 'a')).toEqual([id(1).toString('hex')]);
    expect(hex(target, 'b')).toEqual([id(9).toString('hex')]);
  });

  test('a restore with a filter touches what it chooses, and drops no more', async () => {
    const manifest = await backUp(source());
    const target = fakeServer('d', {
      collections: { a: {}, b: { documents: [id(9)] }, extra: {}, a2: { documents: [id(8)] } },
    });
    const report = await restore(target, manifest, 'drop', { include: ['d.a*'], exclude: [] });
    expect(report).toMatchObject({ namespaces: 1, droppedExtra: ['d.a2'] });
    expect(target.names()).toEqual(['a', 'b', 'extra']);
    expect(hex(target, 'a')).toEqual([id(1).toString('hex')]);
    expect(hex(target, 'b')).toEqual([id(9).toString('hex')]);
  });

  test('a filter that matches nothing of the backup is refused before anything is changed', async () => {
    const manifest = await backUp(source());
    const target = fakeServer('d', { collections: { a: { documents: [id(9)] } } });
    await expect(restore(target, manifest, 'drop', { include: ['d.nope'], exclude: [] })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(target.log).toEqual([]);
  });
});

describe('how many documents there are after the swap', () => {
  const restored = async (override: (command: Document) => Document | null) => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { documents: [id(1), id(2)] } } }));
    const target = fakeServer('d', { collections: { c: { documents: [id(9)] } }, override });
    const done = await restore(target, manifest).then(
      () => 'done',
      ({ message }: Error) => message,
    );
    return { done, read: target.log.includes('aggregate c'), target };
  };

  test('is what the server remembers, and nothing is read', async () => {
    expect(await restored(() => null)).toMatchObject({ done: 'done', read: false });
  });

  test('is read where the server remembers another number, which may be an old one', async () => {
    expect(await restored(({ count }) => (count === 'c' ? { ok: 1, n: 1 } : null))).toMatchObject({
      done: 'done',
      read: true,
    });
  });

  test('has to be right when it was read, or the restore is undone', async () => {
    const one = { cursor: { firstBatch: [{ _id: null, n: 1 }] }, ok: 1 };
    const { done, target } = await restored(({ count, aggregate }) =>
      count === 'c' ? { ok: 1, n: 1 } : aggregate === 'c' ? one : null,
    );
    expect(done).toContain('d.c: 1 documents after the swap, the backup has 2');
    expect(hex(target, 'c')).toEqual([id(9).toString('hex')]);
  });
});

describe('time series', () => {
  const series = () => ({
    type: 'timeseries' as const,
    options: { timeseries: { timeField: 'at', granularity: 'hours' }, expireAfterSeconds: BSON.Long.fromNumber(3600) },
    documents: [id(1), id(2)],
  });

  test('travel as their buckets and come back by dropping and creating, expiry last', async () => {
    const source = fakeServer('d', { collections: { s: series(), c: { documents: [id(7)] } } });
    const manifest = await backUp(source);
    expect(manifest.namespaces.map(({ collection, type, documents }) => [collection, type, documents])).toEqual([
      ['c', 'collection', 1],
      ['s', 'timeseries', 2],
    ]);
    const target = fakeServer('d', {
      collections: { s: { ...series(), documents: [id(9)] }, c: { documents: [id(8)] } },
    });
    await restore(target, manifest);
    expect(hex(target, 'system.buckets.s')).toEqual([id(1), id(2)].map((each) => each.toString('hex')));
    expect(target.names()).toEqual(['c', 's', 'system.buckets.s']);
    // Never renamed; dropped and created after the renames.
    expect(target.log.filter((each) => each.startsWith('renameCollection d.s'))).toEqual([]);
    expect(target.log.indexOf('drop s')).toBeGreaterThan(
      target.log.findIndex((each) => each.startsWith('renameCollection')),
    );
    expect(target.log.indexOf('create s')).toBeGreaterThan(target.log.indexOf('drop s'));
    const created = target.commands.filter(({ create }) => create !== undefined);
    // Of all the collections created, only the copy of what was live expires by itself.
    const staged = created.filter(({ create }) => /staged|^s$/.test(create));
    expect(staged.every(({ expireAfterSeconds }) => expireAfterSeconds === undefined)).toBe(true);
    const collMod = target.commands.findIndex((command) => command.collMod === 's');
    expect(Number(target.commands[collMod]?.expireAfterSeconds)).toBe(3600);
    expect(collMod).toBeGreaterThan(target.commands.findLastIndex(({ create }) => create === 's'));
    // Buckets are validated by the server whatever happens.
    const inserts = target.commands.filter(({ insert }) => String(insert).startsWith('system.buckets.'));
    expect(inserts.length).toBeGreaterThan(0);
    expect(inserts.every(({ bypassDocumentValidation }) => bypassDocumentValidation === undefined)).toBe(true);
  });

  test('a failure after one was dropped brings the old one back from its copy', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { s: series() } }));
    let failures = 1;
    const target = fakeServer('d', {
      collections: { s: { ...series(), documents: [id(9)] } },
      override: ({ insert }) => {
        if (insert !== 'system.buckets.s' || failures-- <= 0) return null;
        throw serverError('WriteError', 'disk full');
      },
    });
    await expect(restore(target, manifest)).rejects.toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining('what was live is live again'),
    });
    expect(hex(target, 'system.buckets.s')).toEqual([id(9).toString('hex')]);
    expect(target.names()).toEqual(['s', 'system.buckets.s']);
  });
});

describe('views', () => {
  const view = (viewOn: string) => ({ type: 'view' as const, options: { viewOn, pipeline: [{ $match: { a: 1 } }] } });

  test('are rehearsed, then dropped and created; those that did not change are left alone', async () => {
    const manifest = await backUp(
      fakeServer('d', { collections: { same: view('c'), other: view('c'), gone: view('c'), c: {} } }),
    );
    const target = fakeServer('d', { collections: { same: view('c'), other: view('x'), extra: view('c'), c: {} } });
    await restore(target, manifest);
    expect(target.names()).toEqual(['c', 'gone', 'other', 'same']);
    expect(target.collection('other')?.options.viewOn).toBe('c');
    expect(target.log).not.toContain('drop same');
  });

  test('may take the name of a collection, and a collection that of a view', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { a: view('b'), b: { documents: [id(1)] } } }));
    const target = fakeServer('d', { collections: { a: { documents: [id(2)] }, b: view('a') } });
    await restore(target, manifest);
    expect([target.collection('a')?.type, target.collection('b')?.type]).toEqual(['view', 'collection']);
    expect(target.names()).toEqual(['a', 'b']);
  });

  test('are as they were after a swap that failed', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { v: view('c'), c: { documents: [id(1)] } } }));
    const target = fakeServer('d', {
      collections: { v: view('x'), extra: view('c'), c: { documents: [id(2)] } },
      override: ({ renameCollection, to }) => {
        if (to === 'd.c' && renameCollection.includes('staged')) throw serverError('InternalError', 'no');
        return null;
      },
    });
    await expect(restore(target, manifest)).rejects.toMatchObject({ code: 'restore-failed' });
    expect(target.names()).toEqual(['c', 'extra', 'v']);
    expect(target.collection('v')?.options.viewOn).toBe('x');
    expect(hex(target, 'c')).toEqual([id(2).toString('hex')]);
  });
});

describe('expiry while restoring', () => {
  const ttl = { v: 2, key: { at: 1 }, name: 'at_1', expireAfterSeconds: 60 };
  const stagedIndexes = (server: FakeServer) =>
    server.commands
      .filter(({ createIndexes }) => String(createIndexes).includes('staged'))
      .flatMap(({ indexes }) => indexes as Map<string, unknown>[])
      .map((index) => index.get('expireAfterSeconds'));

  test('is added at the very end where collMod can', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { indexes: [ttl], documents: [id(1)] } } }));
    const target = fakeServer('d');
    await restore(target, manifest);
    expect(stagedIndexes(target)).toEqual([undefined]);
    expect(target.collection('c')?.indexes.find(({ name }) => name === 'at_1')?.expireAfterSeconds).toEqual(
      new BSON.Int32(60),
    );
  });

  test('is far away until the end where an index cannot become a TTL index (before 5.1)', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { indexes: [ttl], documents: [id(1)] } } }));
    const target: FakeServer = fakeServer('d', {
      override: (command, server) => {
        const index = server.collection(command.collMod)?.indexes.find(({ name }) => name === command.index?.name);
        if (index !== undefined && index.expireAfterSeconds === undefined)
          throw serverError('InvalidOptions', 'no expireAfterSeconds field to update');
        return null;
      },
    });
    await restore(target, manifest);
    expect(stagedIndexes(target)).toEqual([new BSON.Int32(2_147_483_647)]);
    expect(target.collection('c')?.indexes.find(({ name }) => name === 'at_1')?.expireAfterSeconds).toEqual(
      new BSON.Int32(60),
    );
  });

  test('that cannot be kept from deleting is refused before anything is touched', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { indexes: [ttl] } } }));
    const target = fakeServer('d', {
      collections: { c: { documents: [id(5)] } },
      override: ({ collMod }) => {
        if (collMod !== undefined) throw serverError('CommandNotFound');
        return null;
      },
    });
    await expect(restore(target, manifest)).rejects.toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining('d.c'),
    });
    expect(target.names()).toEqual(['c']);
    expect(hex(target, 'c')).toEqual([id(5).toString('hex')]);
  });
});

describe('what a server does to documents', () => {
  test('a document that it changed is noticed before anything is touched', async () => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { documents: [id(1)] } } }));
    const target = fakeServer('d', {
      collections: { c: { documents: [id(2)] } },
      override: ({ insert }, server) => {
        if (insert === undefined) return null;
        server.collection(insert)?.documents.push(id(3));
        return { ok: 1, n: 1 };
      },
    });
    await expect(restore(target, manifest)).rejects.toMatchObject({
      message: expect.stringContaining('changed its documents'),
    });
    expect(hex(target, 'c')).toEqual([id(2).toString('hex')]);
    expect(target.names()).toEqual(['c']);
  });

  test.each<[string, Document, string]>([
    ['a write error in a reply that says ok', { ok: 1, n: 0, writeErrors: [{ index: 0, errmsg: 'E11000' }] }, 'E11000'],
    [
      'a write concern error',
      { ok: 1, n: 1, writeConcernError: { errmsg: 'waiting for replication timed out' } },
      'timed out',
    ],
    ['fewer than were sent', { ok: 1, n: 0 }, '0 of 1 documents'],
  ])('%s fails the restore', async (_, reply, words) => {
    const manifest = await backUp(fakeServer('d', { collections: { c: { documents: [id(1)] } } }));
    const target = fakeServer('d', { override: ({ insert }) => (insert === undefined ? null : reply) });
    await expect(restore(target, manifest)).rejects.toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining(words),
    });
    expect(target.names()).toEqual([]);
  });

  test.each([
    ['7.0.14', true],
    ['7.0.12', undefined],
  ])('%s is told to keep empty timestamps: %s', async (version, told) => {
    const source = fakeServer('d', { version, collections: { c: { documents: [id(1)] } } });
    const target = fakeServer('d', { version });
    await restore(target, await backUp(source));
    expect(target.commands.find(({ insert }) => insert !== undefined)?.bypassEmptyTsReplacement).toBe(told);
  });
});

describe('a dump that is consistent', () => {
  const replicaSet = { replicaSet: 'rs0', replicaSetId: 'a'.repeat(24) };
  const time = BSON.Timestamp.fromBits(5, 1_700_000_000);
  const collections = { a: { documents: [id(1)] }, b: { documents: [id(2)] } };
  const reads = (server: FakeServer) =>
    server.commands.filter(({ find }) => find === 'a' || find === 'b').map(({ readConcern }) => readConcern);

  test('asks for a cluster time once, and reads every collection at it', async () => {
    const server = fakeServer('d', { collections, facts: replicaSet, atClusterTime: time });
    const manifest = await backUp(server, 'snapshot');
    expect(manifest).toMatchObject({ consistency: 'snapshot', clusterTime: { seconds: 1_700_000_000, increment: 5 } });
    expect(reads(server)).toEqual([
      { level: 'snapshot' },
      { level: 'snapshot', atClusterTime: time },
      { level: 'snapshot', atClusterTime: time },
    ]);
  });

  test('is dumped again without a snapshot, and labelled, when the server lost its history', async () => {
    const server = fakeServer('d', {
      ...{ collections, facts: replicaSet, atClusterTime: time },
      override: ({ find, readConcern }) => {
        if (find === 'b' && readConcern !== undefined) throw serverError('SnapshotTooOld');
        return null;
      },
    });
    const manifest = await backUp(server, 'snapshot');
    expect(manifest).toMatchObject({ consistency: 'not-point-in-time', documents: 2 });
  });

  test.each<[string, object]>([
    ['a standalone server', {}],
    ['a replica set before 5.0', { version: '4.4.29', facts: replicaSet }],
    ['a server that ignores the wish', { facts: replicaSet }],
  ])('is not promised by %s', async (_, options) => {
    const server = fakeServer('d', { collections, ...options });
    expect((await backUp(server, 'snapshot')).consistency).toBe('not-point-in-time');
  });

  test('behind a fence needs no snapshot', async () => {
    const server = fakeServer('d', { collections, facts: replicaSet, atClusterTime: time });
    expect((await backUp(server, 'fenced')).consistency).toBe('fenced');
    expect(reads(server)).toEqual([undefined, undefined]);
  });
});

describe('whether it changed, where there is an oplog', () => {
  const facts = { replicaSet: 'rs0', replicaSetId: 'a'.repeat(24) };
  const at = (seconds: number) => ({ ts: BSON.Timestamp.fromBits(1, seconds) });
  /** Answers the three reads of the oplog: its last entry, its first, and what matches a filter. */
  const withOplog = (first: Document | null, last: Document | null, matching: Document[]) =>
    fakeServer('d', {
      ...{ facts, collections: { c: { documents: [id(1)] } } },
      override: ({ find, filter, sort }) => {
        if (find !== 'oplog.rs') return null;
        const found =
          filter !== undefined ? matching : [sort.$natural === 1 ? first : last].filter((each) => each !== null);
        return { ok: 1, cursor: { firstBatch: found } };
      },
    });
  const dumped = () => backUp(withOplog(at(10), at(100), []));

  test('an entry of the database since the dump is a change, whatever the content', async () => {
    const manifest = await dumped();
    expect(manifest.clusterTime).toEqual({ seconds: 100, increment: 1 });
    const server = withOplog(at(10), at(101), [{ ...at(101), op: 'u', ns: 'd.c' }]);
    expect(await hasChanged(server, manifest)).toEqual({
      changed: true,
      reason: 'the oplog has a write to d.c since the backup',
    });
    const asked = server.commands.find(({ filter }) => filter?.ts !== undefined);
    expect(asked?.filter.ts).toEqual({ $gt: BSON.Timestamp.fromBits(1, 100) });
    const [{ ns }] = (asked as Document).filter.$or as [{ ns: RegExp }];
    expect(['d.c', 'd.$cmd', 'dd.c', 'x.d.c'].map((each) => ns.test(each))).toEqual([true, true, false, false]);
  });

  test('none, and the same content, is none', async () => {
    expect((await hasChanged(withOplog(at(10), at(100), []), await dumped())).changed).toBe(false);
  });

  test('one that no longer goes back so far leaves it to the content', async () => {
    const server = withOplog(at(200), at(300), [{ ...at(250), op: 'i', ns: 'd.c' }]);
    expect((await hasChanged(server, await dumped())).changed).toBe(false);
  });

  test('that of another replica set says nothing', async () => {
    const server = withOplog(at(10), at(101), [{ ...at(101), op: 'u', ns: 'd.c' }]);
    const elsewhere = { ...server, server: { ...server.server, replicaSetId: 'b'.repeat(24) } };
    expect((await hasChanged(elsewhere, await dumped())).changed).toBe(false);
  });
});

describe('the TTL monitor', () => {
  const answering = (value: boolean | null) =>
    fakeServer('d', {
      override: (command) => {
        if (value === null) throw serverError('Unauthorized', 'not authorized on admin');
        if (command.getParameter) return { ok: 1, ttlMonitorEnabled: value };
        return command.setParameter ? { ok: 1, was: value } : null;
      },
    });
  const settings = (server: FakeServer) =>
    server.commands.filter(({ setParameter }) => setParameter).map((each) => each.ttlMonitorEnabled);

  test('is switched off and on again', async () => {
    const server = answering(true);
    const ttl = await pauseTtl(server);
    expect(ttl.paused).toBe(true);
    await ttl.resume(server);
    expect(settings(server)).toEqual([false, true]);
  });
  test('that was off stays off', async () => {
    const server = answering(false);
    await (await pauseTtl(server)).resume(server);
    expect(settings(server)).toEqual([]);
  });
  test('that may not be switched is told, not thrown', async () => {
    const ttl = await pauseTtl(answering(null));
    expect(ttl).toMatchObject({ paused: false, reason: expect.stringContaining('Unauthorized') });
  });
});

test('what a dead operation runs in the server is ended by its comment', async () => {
  const server = fakeServer('d', {
    override: (command) => {
      if (command.aggregate === 1) return { ok: 1, cursor: { firstBatch: [{ opid: 12 }, { opid: 'shard:3' }] } };
      return command.killOp ? { ok: 1 } : null;
    },
  });
  expect(await endServerOperations(server, '000001-abcd')).toBe(2);
  expect(server.commands[0]?.pipeline[1]).toEqual({ $match: { 'command.comment': '000001-abcd' } });
  expect(server.commands.flatMap(({ op }) => op ?? [])).toEqual([12, 'shard:3']);
});
