import { BSON, type Document } from 'mongodb';
import { decodeOrdered, encodeOrdered, type OrderedDocument } from '../../../src/backup/archive/ordered-document.ts';
import type { Database, RunOptions, ServerFacts } from '../../../src/backup/connection.ts';
import { parseVersion } from '../../../src/backup/server-version.ts';

export interface FakeCollection {
  type: 'collection' | 'view' | 'timeseries';
  options: Document;
  indexes: Document[];
  documents: Buffer[];
}

export interface FakeServer extends Database {
  /** Every command but reads of metadata, as `name target`, in order. */
  readonly log: string[];
  readonly commands: Document[];
  collection(name: string): FakeCollection | undefined;
  names(): string[];
}

export const serverError = (codeName: string, message = codeName): Error =>
  Object.assign(new Error(message), { code: 1, codeName });

const ID_INDEX = { v: 2, key: { _id: 1 }, name: '_id_' };

const rawCursor = (db: string, documents: readonly Buffer[], atClusterTime?: BSON.Timestamp): Document => {
  const items = new Map(documents.map((bytes, index) => [String(index), decodeOrdered(bytes)]));
  const cursor: Document = { id: BSON.Long.ZERO, ns: `${db}.x`, firstBatch: [...items.values()] };
  if (atClusterTime !== undefined) cursor.atClusterTime = atClusterTime;
  return { cursor: Buffer.from(BSON.serialize(cursor)), ok: 1 };
};

const plain = (value: unknown): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

/**
 * One database behind the edge interface, answering as the manual of MongoDB documents: for what the test bed's server
 * cannot do (time series, snapshots, TTL by collMod before 5.1). `override` may answer instead.
 */
export const fakeServer = (
  name: string,
  options: {
    version?: string;
    facts?: Partial<ServerFacts>;
    collections?: Record<string, Partial<FakeCollection>>;
    override?: (command: Document, server: FakeServer) => Document | null;
    atClusterTime?: BSON.Timestamp;
  } = {},
): FakeServer => {
  const version = options.version ?? '7.0.14';
  const collections = new Map<string, FakeCollection>();
  const log: string[] = [];
  const commands: Document[] = [];

  const add = (
    collection: string,
    { type = 'collection', options: own = {}, indexes = [], documents = [] }: Partial<FakeCollection>,
  ) => {
    collections.set(collection, {
      type,
      options: own,
      indexes: [...(type === 'collection' ? [ID_INDEX] : []), ...indexes],
      documents,
    });
    if (type === 'timeseries') {
      const buckets = `system.buckets.${collection}`;
      collections.set(buckets, { type: 'collection', options: { clusteredIndex: true }, indexes: [], documents });
    }
  };
  for (const [collection, given] of Object.entries(options.collections ?? {})) add(collection, given);

  const at = (collection: string): FakeCollection => {
    const found = collections.get(collection);
    if (found === undefined) throw serverError('NamespaceNotFound', `ns not found: ${name}.${collection}`);
    return found;
  };

  const answer = (command: Document): Document => {
    const [verb, target] = Object.entries(command)[0] as [string, string];
    switch (verb) {
      case 'listCollections':
        return rawCursor(
          name,
          [...collections].map(([each, { type, options: own }]) =>
            Buffer.from(BSON.serialize({ name: each, type, options: own, info: { readOnly: type === 'view' } })),
          ),
        );
      case 'listIndexes':
        return rawCursor(
          name,
          at(target).indexes.map((index) => Buffer.from(BSON.serialize(index))),
        );
      case 'find':
        if (target === 'oplog.rs') return { cursor: { id: BSON.Long.ZERO, firstBatch: [] }, ok: 1 };
        return rawCursor(name, collections.get(target)?.documents ?? [], options.atClusterTime);
      case 'create': {
        const { create, writeConcern: _, comment: __, ...own } = command;
        if (collections.has(create)) throw serverError('NamespaceExists');
        const type = own.timeseries !== undefined ? 'timeseries' : own.viewOn !== undefined ? 'view' : 'collection';
        add(create, { type, options: plain(new Map(Object.entries(own))) as Document });
        return { ok: 1 };
      }
      case 'drop':
        at(target);
        collections.delete(target);
        collections.delete(`system.buckets.${target}`);
        return { ok: 1 };
      case 'renameCollection': {
        const [from, to] = [target, command.to as string].map((each) => each.slice(name.length + 1)) as [
          string,
          string,
        ];
        if (at(from).type !== 'collection') throw serverError('IllegalOperation', 'cannot rename');
        if (collections.has(to)) throw serverError('NamespaceExists');
        collections.set(to, at(from));
        collections.delete(from);
        return { ok: 1 };
      }
      case 'insert': {
        const bytes = Buffer.from((command.documents as { toBin(): Uint8Array }).toBin()).subarray(
          1 + 4 + 'documents\0'.length,
        );
        let n = 0;
        for (let offset = 0; offset < bytes.length; offset += bytes.readInt32LE(offset), n++) {
          at(target).documents.push(Buffer.from(bytes.subarray(offset, offset + bytes.readInt32LE(offset))));
        }
        return { ok: 1, n };
      }
      case 'createIndexes':
        at(target).indexes.push(...(command.indexes as OrderedDocument[]).map((index) => plain(index) as Document));
        return { ok: 1 };
      case 'collMod': {
        if (command.index === undefined) at(target).options.expireAfterSeconds = command.expireAfterSeconds;
        else {
          const index = at(target).indexes.find((each) => each.name === command.index.name);
          Object.assign(index as object, { expireAfterSeconds: command.index.expireAfterSeconds });
        }
        return { ok: 1 };
      }
      case 'count':
        return { ok: 1, n: at(target).documents.length };
      case 'aggregate':
        return { ok: 1, cursor: { firstBatch: [{ _id: null, n: at(target).documents.length }] } };
      case 'collStats':
        return { ok: 1, size: at(target).documents.reduce((sum, each) => sum + each.length, 0) };
      default:
        throw serverError('CommandNotFound', `no such command: '${verb}'`);
    }
  };

  const run = async (_: string, command: Document, __?: RunOptions): Promise<Document> => {
    const [verb, target] = Object.entries(command)[0] as [string, unknown];
    if (!['listCollections', 'listIndexes', 'collStats'].includes(verb)) log.push(`${verb} ${target}`);
    commands.push(command);
    return options.override?.(command, server) ?? answer(command);
  };

  const server: FakeServer = {
    ...{ name, log, commands, run },
    server: {
      ...{ version, release: parseVersion(version), replicaSet: null, replicaSetId: null, ferretdb: false },
      ...options.facts,
    },
    openSession: () => ({ run, end: async () => {} }),
    marked: () => server,
    close: async () => {},
    collection: (each) => collections.get(each),
    names: () => [...collections.keys()].sort(),
  };
  return server;
};

export const document = (value: Document): Buffer => encodeOrdered(new Map(Object.entries(value)));

/** For a restore whose journal nobody reads. */
export const withoutJournal = (id: string) => ({
  id,
  effect: <T>(_: string, __: unknown, run: () => Promise<T>): Promise<T> => run(),
  note: async () => {},
});
