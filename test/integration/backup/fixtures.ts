import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BSON, type Document, type MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Database } from '../../../src/backup/connection.ts';
import { rawDocuments } from '../../../src/backup/raw-insert.ts';
import { readJournal } from '../../../src/operation/journal.ts';
import { beginOperation, type Operation } from '../../../src/operation/operations.ts';
import { openState } from '../../../src/operation/state.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { type MongoServer, startMongo } from './mongo-server.ts';

export interface Workspace {
  readonly directory: string;
  operation(signal?: AbortSignal): Promise<Operation>;
  entries(operation: Operation): Promise<Awaited<ReturnType<typeof readJournal>>['entries']>;
  remove(): Promise<void>;
}

/** A backups folder and a real journal, in a folder of the test's own. */
export const workspace = async (): Promise<Workspace> => {
  const root = await mkdtemp(join(tmpdir(), 'kaleem-backup-'));
  const operations: Operation[] = [];
  return {
    directory: join(root, 'backups'),
    operation: async (signal = new AbortController().signal) => {
      const state = await openState(join(root, `state-${operations.length}`));
      const operation = await beginOperation({
        ...{ state, kind: 'restore', subject: 'test', who: 'test', runner: null, requestId: null, clock: systemClock },
        ...{ redactor: createRedactor(), signal },
      });
      operations.push(operation);
      return operation;
    },
    entries: async (operation) => (await readJournal(join(operation.directory, 'journal.jsonl'))).entries,
    remove: async () => {
      for (const operation of operations) await operation.end('succeeded', 0);
      await rm(root, { recursive: true, force: true });
    },
  };
};

/** A server for all tests of a file, and for each of them a workspace and a database name that nobody else has; `take` is given them first. */
export const eachOnServer = (
  take: (given: { readonly server: MongoServer; readonly space: Workspace; readonly name: string }) => void,
): void => {
  let server: MongoServer;
  let space: Workspace;
  let name: string;
  beforeAll(async () => {
    server = await startMongo();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    space = await workspace();
    name = server.freshName();
    take({ server, space, name });
  });
  afterEach(async () => {
    await server.client.db(name).dropDatabase();
    await space.remove();
  });
};

/** The same database, but `before` is done whenever a command is about to be sent: what others do in between, without a race. */
export const beforeEachCommand = (database: Database, before: (command: Document) => Promise<void>): Database => {
  const sent =
    (run: Database['run']): Database['run'] =>
    async (db, command, options) => {
      await before(command);
      return run(db, command, options);
    };
  return {
    ...database,
    run: sent(database.run),
    openSession: () => {
      const session = database.openSession();
      return { ...session, run: sent(session.run) };
    },
    marked: (operation) => beforeEachCommand(database.marked(operation), before),
  };
};

/** Inserts documents as bytes, as the application's own driver might have encoded them. */
export const insertBytes = async (
  client: MongoClient,
  db: string,
  collection: string,
  documents: readonly Buffer[],
) => {
  for (const bytes of documents) {
    const reply = await client
      .db(db)
      .command({ insert: collection, documents: rawDocuments('test', { bytes, count: 1 }) as never });
    if (reply.n !== 1) throw new Error(`a test document was not accepted: ${JSON.stringify(reply)}`);
  }
};

const element = (type: number, name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);

export const rawDocument = (...elements: readonly Buffer[]): Buffer => {
  const body = Buffer.concat([...elements, Buffer.from([0])]);
  const length = Buffer.alloc(4);
  length.writeInt32LE(body.length + 4);
  return Buffer.concat([length, body]);
};

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(`${value}\0`);
  return Buffer.concat([int32(bytes.length), bytes]);
};
const id = (value: number): Buffer => element(0x10, '_id', int32(value));

/** Every BSON type, and what decoding would not give back: integer-like and duplicate keys, far dates, -0, NaN payloads. */
export const peculiarDocuments = (): readonly Buffer[] => {
  const objectId = Buffer.from('0102030405060708090a0b0c', 'hex');
  const inner = rawDocument(element(0x10, 'b', int32(1)), element(0x10, '0', int32(2)));
  const code = Buffer.concat([text('f()'), inner]);
  return [
    rawDocument(
      id(1),
      element(0x01, 'double', Buffer.from('000000000000f0bf', 'hex')),
      element(0x02, 'string', text('grüße')),
      element(0x03, 'document', inner),
      element(0x04, 'array', rawDocument(element(0x10, '0', int32(1)), element(0x02, '1', text('x')))),
      element(0x05, 'binary', Buffer.concat([int32(3), Buffer.from([0x80, 1, 2, 3])])),
      element(0x05, 'oldBinary', Buffer.concat([int32(7), Buffer.from([2]), int32(3), Buffer.from([1, 2, 3])])),
      element(0x07, 'objectId', objectId),
      element(0x08, 'yes', Buffer.from([1])),
      element(0x09, 'date', int64(1_700_000_000_000n)),
      element(0x0a, 'null', Buffer.alloc(0)),
      element(0x0b, 'regex', Buffer.from('^a\0i\0')),
      element(0x0d, 'code', text('function() {}')),
      element(0x0f, 'codeWithScope', Buffer.concat([int32(4 + code.length), code])),
      element(0x10, 'int32', int32(-5)),
      element(0x11, 'timestamp', int64(4_294_967_301n)),
      element(0x12, 'int64', int64(-(2n ** 63n))),
      element(0x13, 'decimal128', Buffer.from('01000000000000000000000000003e30', 'hex')),
      element(0xff, 'minKey', Buffer.alloc(0)),
      element(0x7f, 'maxKey', Buffer.alloc(0)),
    ),
    rawDocument(id(2), element(0x06, 'undefined', Buffer.alloc(0))),
    rawDocument(id(3), element(0x0c, 'dbPointer', Buffer.concat([text('a.b'), objectId]))),
    rawDocument(id(4), element(0x0e, 'symbol', text('sym'))),
    rawDocument(id(5), element(0x10, 'b', int32(1)), element(0x10, '10', int32(2)), element(0x10, '2', int32(3))),
    rawDocument(id(6), element(0x10, 'twice', int32(1)), element(0x10, 'twice', int32(2))),
    rawDocument(id(7), element(0x09, 'far', int64(2n ** 62n))),
    rawDocument(id(8), element(0x01, 'negativeZero', Buffer.from('0000000000000080', 'hex'))),
    rawDocument(id(9), element(0x01, 'nan', Buffer.from('010000000000f87f', 'hex'))),
    rawDocument(
      id(10),
      element(0x03, 'ref', rawDocument(element(0x07, '$id', objectId), element(0x02, '$ref', text('c')))),
    ),
    Buffer.from(BSON.serialize({ _id: 11, nested: { deep: [{ a: [] }, {}] }, empty: '' })),
  ];
};
