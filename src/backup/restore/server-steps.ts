import { around } from '../../system/failpoints/around.ts';
import type { Definition } from '../archive/format.ts';
import { isDocument, type OrderedDocument, type OrderedValue } from '../archive/ordered-document.ts';
import type { Database } from '../connection.ts';
import { isImplied } from '../definition.ts';
import { WRITE_CONCERN } from '../raw-insert.ts';

/** Building an index, or reading a whole collection, says nothing until it is done. */
const LONGEST_MS = 12 * 60 * 60 * 1000;

/** An error that comes with a reply: the server said no, as opposed to not answering. */
export const isServersNo = (error: unknown, ...codeNames: readonly string[]): boolean => {
  const { codeName } = error as { codeName?: string };
  return codeName !== undefined && (codeNames.length === 0 || codeNames.includes(codeName));
};

/** Options go to the server in their own order, and their values untouched. */
export const createCollection = async (
  database: Database,
  db: string,
  collection: string,
  options: OrderedDocument,
): Promise<void> => {
  await around('database.create', () =>
    database.run(db, { create: collection, ...Object.fromEntries(options), writeConcern: WRITE_CONCERN }),
  );
};

/** A collection that is not there is not an error. */
export const dropCollection = async (database: Database, db: string, collection: string): Promise<void> => {
  try {
    await around('database.drop', () => database.run(db, { drop: collection, writeConcern: WRITE_CONCERN }));
  } catch (error) {
    if (!isServersNo(error, 'NamespaceNotFound')) throw error;
  }
};

/** A database that is not there is not an error. */
export const dropDatabase = async (database: Database, db: string): Promise<void> => {
  await around('database.drop-database', () => database.run(db, { dropDatabase: 1, writeConcern: WRITE_CONCERN }));
};

/** Atomic; fails when the target is there. Within one database it moves nothing but the name. */
export const renameCollection = async (database: Database, db: string, from: string, to: string): Promise<void> => {
  await around('database.rename', () =>
    database.run('admin', {
      ...{ renameCollection: `${db}.${from}`, to: `${db}.${to}`, dropTarget: false },
      writeConcern: WRITE_CONCERN,
    }),
  );
};

/**
 * A text index is listed by what it became (`_fts`, `_ftsx`, weights) and asked for by its fields. Not every server
 * understands its own listing as a wish; all understand the fields.
 */
export const asAsked = (index: OrderedDocument): OrderedDocument => {
  const key = index.get('key');
  const weights = index.get('weights');
  if (!isDocument(key) || key.get('_fts') !== 'text' || !isDocument(weights)) return index;
  const fields = [...key].flatMap(([name, kind]): [string, OrderedValue][] => {
    if (name === '_fts') return [...weights.keys()].map((field) => [field, 'text']);
    return name === '_ftsx' ? [] : [[name, kind]];
  });
  return new Map<string, OrderedValue>([...index, ['key', new Map(fields)]]);
};

/** All of them in one command; those a collection has by itself are left out. */
export const createIndexes = async (
  database: Database,
  db: string,
  collection: string,
  indexes: Definition['indexes'],
  signal?: AbortSignal,
): Promise<void> => {
  const wanted = indexes.filter((index) => !isImplied(index));
  if (wanted.length === 0) return;
  await around('database.index', () =>
    database.run(
      db,
      { createIndexes: collection, indexes: wanted.map(asAsked), writeConcern: WRITE_CONCERN },
      { timeoutMs: LONGEST_MS, signal },
    ),
  );
};

/**
 * How many documents a collection holds. What `count` says without a query is what the server remembers, which FerretDB may do
 * wrong: where that is not `expected`, the collection is read, which takes as long as it is large.
 */
export const countDocuments = async (
  database: Database,
  { db, collection }: { readonly db: string; readonly collection: string },
  expected: number,
): Promise<number> => {
  const remembered = await database.run(db, { count: collection, query: {} });
  if (Number(remembered.n) === expected) return expected;
  const pipeline = [{ $group: { _id: null, n: { $sum: 1 } } }];
  const reply = await database.run(db, { aggregate: collection, pipeline, cursor: {} }, { timeoutMs: LONGEST_MS });
  return Number(reply.cursor.firstBatch[0]?.n ?? 0);
};
