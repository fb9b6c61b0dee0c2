import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findLeftovers } from '../../../src/backup/collections.ts';
import { contentHash } from '../../../src/backup/content-hash.ts';
import { createBackup } from '../../../src/backup/create.ts';
import type { Manifest } from '../../../src/backup/manifest.ts';
import { restoreBackup } from '../../../src/backup/restore.ts';
import { verifyBackup } from '../../../src/backup/verify.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { eachOnServer, type Workspace } from './fixtures.ts';
import type { MongoServer } from './mongo-server.ts';

let server: MongoServer;
let space: Workspace;
let name: string;

eachOnServer((given) => {
  ({ server, space, name } = given);
});

/** By the wire where the server understands it, else beside it: the stand-in's wire protocol forgets options. */
const create = async (command: { create: string; [option: string]: unknown }) => {
  if (server.sql === null) await server.client.db(name).command(command);
  else await server.sql(`select documentdb_api.create_collection_view('${name}', '${JSON.stringify(command)}')`);
};

const backUp = async (id = '000001'): Promise<Manifest> =>
  createBackup({
    ...{ database: await server.open(name), directory: space.directory, id, operation: null, release: null },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
  });

const restore = async (manifest: Manifest, extra: 'drop' | 'keep' = 'drop') =>
  restoreBackup({
    ...{ database: await server.open(name), path: join(space.directory, manifest.archive), clock: systemClock },
    ...{ operation: await space.operation(), extra, force: false },
  });

const hashNow = async () => (await contentHash(await server.open(name))).hash;

test('a view is in the backup with its pipeline, and stays as it is when it did not change', async () => {
  await server.client.db(name).collection('c').insertOne({ a: 1 });
  await create({ create: 'v', viewOn: 'c', pipeline: [{ $match: { a: 1 } }] });
  const manifest = await backUp();
  const view = manifest.namespaces.find(({ collection }) => collection === 'v');
  expect(view).toMatchObject({ type: 'view', documents: 0, indexes: [] });
  expect(view?.options).toContain('$match');
  expect((await verifyBackup(join(space.directory, manifest.archive))).contentHash).toBe(manifest.contentHash);
  await server.client.db(name).collection('c').insertOne({ a: 2 });
  await restore(manifest);
  expect(await hashNow()).toBe(manifest.contentHash);
  expect(await server.client.db(name).collection('v').countDocuments()).toBe(1);
});

test('a view that a server accepts and forgets is refused by name before anything is touched', async ({ skip }) => {
  if (server.sql === null) skip('this server takes views');
  await server.client.db(name).collection('c').insertOne({ a: 1 });
  await create({ create: 'v', viewOn: 'c', pipeline: [{ $match: { a: 1 } }] });
  const manifest = await backUp();
  await server.client.db(name).dropCollection('v');
  await server.client.db(name).collection('c').insertOne({ a: 2 });
  const live = await hashNow();
  await expect(restore(manifest)).rejects.toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining(`view ${name}.v: option viewOn did not take`),
  });
  expect(await hashNow()).toBe(live);
  expect(await findLeftovers(await server.open(name))).toEqual([]);
});

test('views come back, changed ones included, where the server takes them', async ({ skip }) => {
  if (server.sql !== null) skip('this server forgets views');
  await server.client.db(name).collection('c').insertOne({ a: 1 });
  await create({ create: 'gone', viewOn: 'c', pipeline: [{ $match: { a: 1 } }] });
  await create({ create: 'changed', viewOn: 'c', pipeline: [{ $match: { a: 1 } }] });
  const manifest = await backUp();
  await server.client.db(name).dropCollection('gone');
  await server.client.db(name).command({ collMod: 'changed', viewOn: 'c', pipeline: [] });
  await create({ create: 'extra', viewOn: 'c', pipeline: [] });
  await restore(manifest);
  expect(await hashNow()).toBe(manifest.contentHash);
});

test('a validator that did not take is refused by name before anything is touched; one that did comes back', async () => {
  await create({ create: 'strict', validator: { a: { $exists: true } }, validationLevel: 'strict' });
  await server.client.db(name).collection<{ _id: number; a: number }>('strict').insertOne({ _id: 1, a: 1 });
  const manifest = await backUp();
  expect(manifest.namespaces[0]?.options).toContain('validator');
  await server.client.db(name).collection<{ _id: number; a: number }>('strict').insertOne({ _id: 2, a: 2 });
  const live = await hashNow();
  if (server.sql === null) {
    await restore(manifest);
    expect(await hashNow()).toBe(manifest.contentHash);
    return;
  }
  await expect(restore(manifest)).rejects.toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining(`${name}.strict: option validator did not take`),
  });
  expect(await hashNow()).toBe(live);
  expect(await findLeftovers(await server.open(name))).toEqual([]);
});
