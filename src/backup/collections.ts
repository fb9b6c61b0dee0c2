import type { Document } from 'mongodb';
import { DeployError } from '../errors.ts';
import { inLanes } from '../system/lanes.ts';
import { eachDocument } from './archive/bson.ts';
import type { NamespaceType, PreludeEntry } from './archive/format.ts';
import { decodeFaithfully, isDocument, type OrderedDocument } from './archive/ordered-document.ts';
import { type Database, LANES } from './connection.ts';
import {
  isAccessControl,
  isBackedUp,
  isScratch,
  isServersOwn,
  parseTemporaryName,
  type TemporaryName,
} from './names.ts';
import { readCursor } from './raw-read.ts';

/** A collection, view or time series as the server has it now. */
export interface LiveCollection extends PreludeEntry {
  /** Where its documents are read: the collection itself, or the buckets of a time series. */
  readonly dataCollection: string;
  /** Its buckets are read under its own name, with `rawData`. */
  readonly rawData: boolean;
}

const metadata = async (
  database: Database,
  db: string,
  about: string,
  command: Document,
  signal?: AbortSignal,
): Promise<OrderedDocument[]> => {
  const documents: OrderedDocument[] = [];
  for await (const { bytes } of readCursor(database, db, about, command, { signal })) {
    eachDocument(bytes, (start, end) => {
      const document = decodeFaithfully(bytes.subarray(start, end));
      if (document === null) {
        throw new DeployError(
          'unsupported',
          `${db}.${about}: its options or indexes hold a value that cannot be carried over`,
        );
      }
      documents.push(document);
    });
  }
  return documents;
};

/** As `listIndexes` gives them. A collection that was dropped meanwhile has none. */
export const listIndexes = async (
  database: Database,
  db: string,
  collection: string,
  signal?: AbortSignal,
): Promise<readonly OrderedDocument[]> => {
  try {
    return await metadata(database, db, collection, { listIndexes: collection, cursor: {} }, signal);
  } catch (error) {
    if ((error as { codeName?: string }).codeName === 'NamespaceNotFound') return [];
    throw error;
  }
};

interface Listed {
  readonly name: string;
  readonly type: NamespaceType;
  readonly options: OrderedDocument;
  readonly uuid: string | null;
}

const parseListed = (document: OrderedDocument): Listed => {
  const type = document.get('type');
  const options = document.get('options');
  const info = document.get('info');
  const uuid = isDocument(info) ? info.get('uuid') : undefined;
  return {
    name: String(document.get('name')),
    type: type === 'view' || type === 'timeseries' ? type : 'collection',
    options: isDocument(options) ? options : new Map(),
    uuid:
      uuid === undefined
        ? null
        : String((uuid as { toString(encoding: string): string }).toString('hex')).replaceAll('-', ''),
  };
};

const list = async (
  database: Database,
  db: string,
  options: Document,
  signal?: AbortSignal,
): Promise<readonly Listed[]> => {
  const command = { listCollections: 1, ...options, cursor: {} };
  return (await metadata(database, db, '$cmd.listCollections', command, signal)).map(parseListed);
};

/** Everything in a database, names a backup leaves out included. */
export const listNames = (database: Database, db: string, signal?: AbortSignal): Promise<readonly Listed[]> =>
  list(database, db, {}, signal);

/** One of them; undefined: there is none of that name. */
export const findName = async (database: Database, db: string, collection: string): Promise<Listed | undefined> =>
  // A server that does not filter lists all of them.
  (await list(database, db, { filter: { name: collection } })).find(({ name }) => name === collection);

/** The databases that work is confined to. */
export const listDatabases = async (database: Database, signal?: AbortSignal): Promise<readonly string[]> => {
  if (database.name !== null) return [database.name];
  const reply = await database.run('admin', { listDatabases: 1, nameOnly: true }, { signal });
  const names = (reply.databases as { name: string }[]).map(({ name }) => name);
  return names.filter((name) => !isServersOwn(name) && !isScratch(name)).sort();
};

const describeListed = async (
  database: Database,
  db: string,
  listed: Listed,
  names: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<LiveCollection> => {
  const buckets = `system.buckets.${listed.name}`;
  const hasBuckets = listed.type === 'timeseries' && names.has(buckets);
  return {
    ...{ db, collection: listed.name, type: listed.type, options: listed.options, uuid: listed.uuid },
    indexes: listed.type === 'view' ? [] : await listIndexes(database, db, listed.name, signal),
    size: listed.type === 'view' ? 0 : await dataSize(database, db, hasBuckets ? buckets : listed.name, signal),
    dataCollection: hasBuckets ? buckets : listed.name,
    rawData: listed.type === 'timeseries' && !hasBuckets,
  };
};

/** Bytes of documents as the server keeps count of them: for progress, not for decisions. 0 when it does not say. */
const dataSize = async (database: Database, db: string, collection: string, signal?: AbortSignal): Promise<number> => {
  try {
    const { size } = await database.run(db, { collStats: collection }, { signal });
    return typeof size === 'number' && size > 0 ? Math.round(size) : 0;
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { code?: unknown }).code === undefined) throw error;
    return 0;
  }
};

const byName = (a: LiveCollection, b: LiveCollection): number => (a.collection < b.collection ? -1 : 1);

/** What a backup holds, in the order an archive holds it: users, roles and their version first, then by name. */
export const listCollections = async (database: Database, signal?: AbortSignal): Promise<readonly LiveCollection[]> => {
  const found: LiveCollection[] = [];
  for (const db of await listDatabases(database, signal)) {
    const listed = await listNames(database, db, signal);
    const names = new Set(listed.map(({ name }) => name));
    const own: LiveCollection[] = [];
    const backedUp = listed.filter(({ name }) => isBackedUp(db, name));
    await inLanes(backedUp, { lanes: LANES, signal }, async (each, _, until) => {
      own.push(await describeListed(database, db, each, names, until));
    });
    found.push(...own.sort(byName));
  }
  const first = ({ db, collection }: LiveCollection): boolean => isAccessControl(db, collection);
  return [...found.filter(first), ...found.filter((each) => !first(each))];
};

export interface Leftover extends TemporaryName {
  readonly db: string;
  readonly collection: string;
}

/** Collections that a restore made and did not remove, because it was cut short. */
export const findLeftovers = async (database: Database, signal?: AbortSignal): Promise<readonly Leftover[]> => {
  const found: Leftover[] = [];
  for (const db of await listDatabases(database, signal)) {
    for (const { name } of await listNames(database, db, signal)) {
      const parsed = parseTemporaryName(name);
      if (parsed !== null) found.push({ db, collection: name, ...parsed });
    }
  }
  return found;
};
