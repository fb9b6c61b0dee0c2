import { createServer, connect as dial, type Server } from 'node:net';
import { join } from 'node:path';
import { BSON, type Document } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../../src/backup/connection.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { restoreBackup } from '../../../src/backup/restore.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { type Workspace, workspace } from './fixtures.ts';
import { type MongoServer, startMongo } from './mongo-server.ts';

let server: MongoServer;
let space: Workspace;
let proxy: Server;
const commands: Document[] = [];

/** Decodes the command of each OP_MSG that a client sends. */
const listen = (): ((bytes: Buffer) => void) => {
  let pending = Buffer.alloc(0);
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
      const message = pending.subarray(0, pending.readInt32LE(0));
      pending = pending.subarray(message.length);
      if (message.readInt32LE(12) === 2013)
        commands.push(BSON.deserialize(message.subarray(21, 21 + message.readInt32LE(21))));
    }
  };
};

beforeAll(async () => {
  server = await startMongo();
  space = await workspace();
  const upstream = new URL(server.uri.replace('mongodb', 'http'));
  proxy = createServer((client) => {
    const backend = dial(Number(upstream.port), upstream.hostname);
    client.on('data', listen()).pipe(backend).pipe(client);
    for (const socket of [client, backend]) socket.on('error', () => [client, backend].map((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  proxy?.close();
  await space?.remove();
  await server?.stop();
});

test('every command of a dump and a restore carries the id of its operation', async () => {
  const name = server.freshName();
  await server.client
    .db(name)
    .collection('c')
    .insertMany([{ a: 1 }, { a: 2 }]);
  await server.client.db(name).collection('c').createIndex({ a: 1 }, { expireAfterSeconds: 86_400 });
  const { port } = proxy.address() as { port: number };
  const database = await openDatabase(
    { uri: `mongodb://127.0.0.1:${port}/?directConnection=true`, name },
    { clock: systemClock },
  );
  const operation = await space.operation();
  try {
    commands.length = 0;
    const manifest = await createBackup({
      ...{ database, directory: space.directory, id: '000001', operation: operation.id, release: null },
      ...{ consistency: 'fenced', compression: 1, clock: systemClock },
    });
    await restoreBackup({
      ...{
        database,
        path: join(space.directory, manifest.archive),
        operation,
        extra: 'drop',
        force: false,
        clock: systemClock,
      },
    });
    const sent = commands.filter((command) => !['hello', 'ping', 'endSessions'].some((verb) => verb in command));
    expect(sent.length).toBeGreaterThan(15);
    expect(sent.filter(({ comment }) => comment !== operation.id)).toEqual([]);
    const reads = sent.filter(({ find, getMore }) => find !== undefined || getMore !== undefined);
    expect(reads.every(({ batchSize, limit }) => batchSize > 101 || limit === 1)).toBe(true);
  } finally {
    await database.close();
  }
});
