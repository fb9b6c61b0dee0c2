import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { ArchiveFile } from '../../../src/backup/archive/archive-file.ts';
import { openNamespace, writePrelude } from '../../../src/backup/archive/writer.ts';
import { findLeftovers } from '../../../src/backup/collections.ts';
import { contentHash } from '../../../src/backup/content-hash.ts';
import { createBackup } from '../../../src/backup/create.ts';
import type { Manifest } from '../../../src/backup/manifest.ts';
import { type RestoreOptions, recoverRestore, restoreBackup } from '../../../src/backup/restore.ts';
import { DeployError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { beforeEachCommand, eachOnServer, type Workspace } from './fixtures.ts';
import type { MongoServer } from './mongo-server.ts';

let server: MongoServer;
let space: Workspace;
let name: string;

eachOnServer((given) => {
  ({ server, space, name } = given);
});

const hashNow = async () => (await contentHash(await server.open(name))).hash;

/** Three collections, backed up, and then changed: what a failed restore must leave exactly so. */
const changedSinceBackup = async (): Promise<{ manifest: Manifest; path: string; live: string }> => {
  const db = server.client.db(name);
  for (const collection of ['a', 'b', 'c']) {
    await db.collection(collection).insertMany(Array.from({ length: 500 }, (_, n) => ({ n, pad: 'x'.repeat(500) })));
    await db.collection(collection).createIndex({ n: 1 });
  }
  const manifest = await createBackup({
    ...{
      database: await server.open(name),
      directory: space.directory,
      id: '000001-v1',
      operation: null,
      release: 'v1',
    },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
  });
  await db.collection('a').deleteMany({ n: { $lt: 100 } });
  await db.collection('b').drop();
  await db.collection('new').insertOne({ after: 'the backup' });
  return { manifest, path: join(space.directory, manifest.archive), live: await hashNow() };
};

const attempt = async (path: string, options: Partial<RestoreOptions> = {}) => {
  const operation = await space.operation();
  const outcome = await restoreBackup({
    ...{ database: await server.open(name), path, operation, extra: 'drop', force: false, clock: systemClock },
    ...options,
  }).then(
    (report) => ({ report, error: null }),
    (error: unknown) => ({ report: null, error: error as DeployError }),
  );
  return { operation, ...outcome };
};

const expectUntouched = async (live: string) => {
  expect(await hashNow()).toBe(live);
  expect(await findLeftovers(await server.open(name))).toEqual([]);
};

describe('a restore that fails before the swap leaves live collections as they are', () => {
  test('when it is interrupted while staging', async () => {
    const { path, live } = await changedSinceBackup();
    const abort = new AbortController();
    const reason = new DeployError('interrupted', 'Ctrl-C');
    const { error } = await attempt(path, {
      signal: abort.signal,
      onProgress: ({ phase }) => phase === 'stage' && abort.abort(reason),
    });
    expect(error).toBe(reason);
    await expectUntouched(live);
  });

  test('when the server refuses a document', async () => {
    const { live } = await changedSinceBackup();
    const path = join(space.directory, 'twice.archive');
    const file = await ArchiveFile.create(path, 0);
    const entry = {
      db: name,
      collection: 'a',
      type: 'collection' as const,
      options: new Map(),
      indexes: [],
      uuid: null,
      size: 0,
    };
    await writePrelude(file, { concurrentCollections: 1, version: '0.1', serverVersion: '7.0.0', toolVersion: 't' }, [
      entry,
    ]);
    const open = openNamespace(file, name, 'a');
    await open.write(Buffer.concat([BSON.serialize({ _id: 1 }), BSON.serialize({ _id: 1, again: true })]));
    await open.close();
    await file.finish();
    const { error } = await attempt(path);
    expect(error).toMatchObject({ code: 'restore-failed' });
    expect(error?.message).toMatch(
      new RegExp(`${name}\\.\\S+: document 2 of 2 was not accepted: .*[Dd]uplicate.*nothing live was touched`),
    );
    await expectUntouched(live);
  });

  test('when the archive is damaged anywhere', async () => {
    const { path, live } = await changedSinceBackup();
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] as number) ^ 1;
    await writeFile(path, bytes);
    expect((await attempt(path)).error).toMatchObject({ code: 'backup-invalid' });
    await expectUntouched(live);
  });

  test('when the archive changes between its verification and its use', async () => {
    const { path, live } = await changedSinceBackup();
    const operation = await space.operation();
    // The same archive with one bit of its compressed data's header flipped, just as staging begins.
    const meddling: RestoreOptions['operation'] = {
      ...operation,
      effect: async (step, intent, run, result) => {
        if (step === 'restore.stage') {
          const bytes = await readFile(path);
          bytes[9] = (bytes[9] as number) ^ 4;
          await writeFile(path, bytes);
        }
        return operation.effect(step, intent, run, result);
      },
    };
    const { error } = await attempt(path, { operation: meddling });
    expect(error).toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining('changed after it was verified'),
    });
    await expectUntouched(live);
  });

  test('when the backup is of a newer server, unless forced', async () => {
    const { live } = await changedSinceBackup();
    const path = join(space.directory, 'newer.archive');
    const file = await ArchiveFile.create(path, 0);
    const entry = {
      db: name,
      collection: 'a',
      type: 'collection' as const,
      options: new Map(),
      indexes: [],
      uuid: null,
      size: 0,
    };
    await writePrelude(file, { concurrentCollections: 1, version: '0.1', serverVersion: '99.0.0', toolVersion: 't' }, [
      entry,
    ]);
    await openNamespace(file, name, 'a').close();
    await file.finish();
    expect((await attempt(path)).error).toMatchObject({ code: 'unsupported' });
    await expectUntouched(live);
    expect((await attempt(path, { force: true, extra: 'keep' })).report?.warnings.join()).toContain('99.0.0');
  });
});

describe('a restore that fails in the midst of the swap', () => {
  test.each([1, 2, 3])('is undone when it is interrupted at collection %i', async (at) => {
    const { path, live, manifest } = await changedSinceBackup();
    const abort = new AbortController();
    const { error } = await attempt(path, {
      signal: abort.signal,
      onProgress: ({ phase, bytes }) => phase === 'swap' && bytes === at && abort.abort(new Error('stop')),
    });
    expect(error?.message).toBe('stop');
    await expectUntouched(live);
    // And it can be done again.
    expect((await attempt(path)).error).toBeNull();
    expect(await hashNow()).toBe(manifest.contentHash);
  });

  test('says where everything is when the server dies, and recovery puts it back', async () => {
    const { path, live, manifest } = await changedSinceBackup();
    const { error, operation } = await attempt(path, {
      onProgress: ({ phase, bytes }) => phase === 'swap' && bytes === 2 && server.kill(),
    });
    expect(error).toMatchObject({ code: 'restore-failed', hint: expect.stringContaining('recover') });
    await server.startAgain();
    const leftovers = await findLeftovers(await server.open(name));
    expect(leftovers.filter(({ kind }) => kind === 'kept').length).toBeGreaterThan(0);
    // Before it is recovered, neither a dump nor another restore goes past it.
    expect((await attempt(path)).error).toMatchObject({ code: 'halted-earlier' });
    const backup = createBackup({
      ...{
        database: await server.open(name),
        directory: space.directory,
        id: '000002',
        operation: null,
        release: null,
      },
      ...{ consistency: 'fenced', compression: 1, clock: systemClock },
    });
    await expect(backup).rejects.toMatchObject({ code: 'backup-failed', hint: expect.stringContaining('recover') });
    const entries = await space.entries(operation);
    const recover = async () => recoverRestore({ database: await server.open(name), operation: operation.id, entries });
    expect(await recover()).toBe('undone');
    await expectUntouched(live);
    // A crash during recovery is just another crash: again, from the same journal.
    expect(await recover()).toBe('undone');
    await expectUntouched(live);
    expect((await attempt(path)).error).toBeNull();
    expect(await hashNow()).toBe(manifest.contentHash);
  });

  test('a death after the swap ends by removing the old collections', async () => {
    const { path, manifest } = await changedSinceBackup();
    const { operation, error } = await attempt(path);
    expect(error).toBeNull();
    const entries = await space.entries(operation);
    // As if it had died before the last drop: one old collection is still there.
    const kept = `kaleem-deploy_kept_${operation.id}_0123456789abcdef`;
    await server.client.db(name).collection(kept).insertOne({ old: true });
    const withoutResult = entries.filter(({ type, step }) => !(type === 'result' && step === 'restore.finish'));
    const database = await server.open(name);
    expect(await recoverRestore({ database, operation: operation.id, entries: withoutResult })).toBe('finished');
    expect(await findLeftovers(database)).toEqual([]);
    expect(await hashNow()).toBe(manifest.contentHash);
    expect(await recoverRestore({ database, operation: operation.id, entries: withoutResult })).toBe('nothing');
  });

  test('a death while staging ends by removing the staged copies', async () => {
    const { path, live } = await changedSinceBackup();
    const { error, operation } = await attempt(path, { onProgress: ({ phase }) => phase === 'index' && server.kill() });
    expect(error).toMatchObject({ code: 'restore-failed' });
    await server.startAgain();
    const entries = await space.entries(operation);
    const database = await server.open(name);
    expect(await recoverRestore({ database, operation: operation.id, entries })).toBe('removed');
    await expectUntouched(live);
  });
});

describe('a backup that fails', () => {
  test('leaves no file behind when it is interrupted', async () => {
    await changedSinceBackup();
    const abort = new AbortController();
    const backup = createBackup({
      ...{
        database: await server.open(name),
        directory: space.directory,
        id: '000002-v2',
        operation: null,
        release: null,
      },
      ...{ consistency: 'fenced', compression: 1, clock: systemClock, signal: abort.signal },
      onProgress: () => abort.abort(new DeployError('interrupted', 'Ctrl-C')),
    });
    await expect(backup).rejects.toMatchObject({ code: 'interrupted' });
    expect((await readdir(space.directory)).sort()).toEqual(['000001-v1.archive.gz', '000001-v1.manifest.json']);
  });

  test('says so when a collection appears although the database is fenced', async () => {
    await changedSinceBackup();
    let listed = false;
    // It is there for certain before the dump looks again: making a collection takes longer than dumping small ones.
    const database = beforeEachCommand(await server.open(name), async (command) => {
      if (listed && 'listCollections' in command) await server.client.db(name).createCollection('intruder');
    });
    const backup = createBackup({
      ...{ database, directory: space.directory, id: '000002-v2', operation: null, release: null },
      ...{ consistency: 'fenced', compression: 1, clock: systemClock },
      onProgress: () => {
        listed = true;
      },
    });
    await expect(backup).rejects.toMatchObject({
      code: 'backup-failed',
      message: expect.stringContaining(`${name}.intruder`),
    });
    expect((await readdir(space.directory)).length).toBe(2);
  });

  test('does not overwrite a backup that is there', async () => {
    const { manifest } = await changedSinceBackup();
    const again = createBackup({
      ...{
        database: await server.open(name),
        directory: space.directory,
        id: manifest.id,
        operation: null,
        release: null,
      },
      ...{ consistency: 'fenced', compression: 1, clock: systemClock },
    });
    await expect(again).rejects.toMatchObject({
      code: 'backup-failed',
      message: expect.stringContaining('is there already'),
    });
    expect((await readdir(space.directory)).length).toBe(2);
  });
});
