import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Document } from 'mongodb';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../../src/backup/connection.ts';
import { contentHash } from '../../../src/backup/content-hash.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { type DrillOptions, drillBackup, dropScratch } from '../../../src/backup/drill.ts';
import { scratchPrefix } from '../../../src/backup/names.ts';
import { DeployError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { beforeEachCommand, eachOnServer, insertBytes, peculiarDocuments, type Workspace } from './fixtures.ts';
import type { MongoServer } from './mongo-server.ts';

let server: MongoServer;
let space: Workspace;
let name: string;

eachOnServer((given) => {
  ({ server, space, name } = given);
});

const scratchNow = async (): Promise<readonly string[]> => {
  const { databases } = await server.client.db('admin').admin().listDatabases({ nameOnly: true });
  return databases.map((each) => each.name).filter((each) => each.startsWith('kaleem-deploy_'));
};

/** A backup of documents of every kind and of some indexes; then the live database goes on. */
const backUp = async (): Promise<string> => {
  const db = server.client.db(name);
  await insertBytes(server.client, name, 'odd', peculiarDocuments());
  await db.collection('plain').insertMany(Array.from({ length: 2_000 }, (_, n) => ({ n, at: new Date(0) })));
  await db.collection('plain').createIndex({ n: 1 }, { unique: true });
  await db.createCollection('empty');
  const database = await server.open(name);
  const manifest = await createBackup({
    ...{ database, directory: space.directory, id: '000001-v1', operation: null, release: 'v1' },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
  });
  await db.collection('plain').insertOne({ n: -1 });
  return join(space.directory, manifest.archive);
};

const drill = async (path: string, options: Partial<DrillOptions> = {}) =>
  drillBackup({
    ...{ database: await server.open(name), path, operation: await space.operation(), clock: systemClock },
    project: 'shop',
    ...options,
  });

const liveHash = async (): Promise<string> => (await contentHash(await server.open(name))).hash;

/** The server, but that `before` is done before each command of that name. */
const meddled = async (command: string, before: (command: Document) => Promise<void>): Promise<Database> =>
  beforeEachCommand(await server.open(name), async (each) => {
    if (command in each) await before(each);
  });

/** What a drill that died leaves. */
const leave = async (project: string, operation: string): Promise<string> => {
  const db = `${scratchPrefix(project, operation)}0`;
  await server.client.db(db).collection('c').insertOne({ n: 1 });
  return db;
};

describe('a drill', () => {
  test('restores everything beside what is live, finds it as it was, and leaves nothing', async () => {
    const path = await backUp();
    const live = await liveHash();
    const report = await drill(path);
    expect(report).toMatchObject({ documents: 2_000 + peculiarDocuments().length, namespaces: 3, warnings: [] });
    expect(await liveHash()).toBe(live);
    expect(await scratchNow()).toEqual([]);
  });

  test('finds a byte that is wrong, before the server hears of it', async () => {
    const path = await backUp();
    const bytes = await readFile(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
    await writeFile(path, bytes);
    await expect(drill(path)).rejects.toMatchObject({ code: 'backup-invalid' });
    expect(await scratchNow()).toEqual([]);
  });

  test('finds what the server does not hold as it was, by name, and leaves nothing', async () => {
    const path = await backUp();
    const operation = await space.operation();
    const scratch = `${scratchPrefix('shop', operation.id)}0`;
    const database = await meddled('createIndexes', async () => {
      await server.client.db(scratch).collection('plain').deleteOne({ n: 7 });
    });
    await expect(drill(path, { database, operation })).rejects.toMatchObject({
      code: 'restore-failed',
      message: `${name}.plain: the server holds 1999 of its 2000 documents`,
    });
    expect(await scratchNow()).toEqual([]);
  });

  test('that is interrupted leaves nothing', async () => {
    const path = await backUp();
    const abort = new AbortController();
    const reason = new DeployError('interrupted', 'Ctrl-C');
    const database = await meddled('createIndexes', async () => abort.abort(reason));
    await expect(drill(path, { database, signal: abort.signal })).rejects.toBe(reason);
    expect(await scratchNow()).toEqual([]);
  });

  test('removes what one that died has left, and nothing of another project’s', async () => {
    const path = await backUp();
    const others = await leave('others', '000001-aaaa');
    await leave('shop', '000001-dead');
    await drill(path);
    expect(await scratchNow()).toEqual([others]);
    await server.client.db(others).dropDatabase();
  });

  test('and its leftovers go by its operation, when that is recovered', async () => {
    await leave('shop', '000001-aaaa');
    const other = await leave('shop', '000002-bbbb');
    const database = await server.open(name);
    await dropScratch(database, scratchPrefix('shop', '000001-aaaa'));
    expect(await scratchNow()).toEqual([other]);
    await dropScratch(database, scratchPrefix('shop'));
    expect(await scratchNow()).toEqual([]);
  });

  test('is no part of a backup of the whole server', async () => {
    const left = await leave('shop', '000001-dead');
    const { namespaces } = await contentHash(await server.open(null));
    expect(Object.keys(namespaces).filter((each) => each.startsWith(left))).toEqual([]);
    await server.client.db(left).dropDatabase();
  });
});
