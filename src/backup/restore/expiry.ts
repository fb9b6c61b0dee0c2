import { BSON } from 'mongodb';
import { around } from '../../system/failpoints/around.ts';
import type { Definition } from '../archive/format.ts';
import { numberOf, type OrderedDocument, type OrderedValue, without } from '../archive/ordered-document.ts';
import { listIndexes } from '../collections.ts';
import type { Database } from '../connection.ts';
import { indexName } from '../definition.ts';
import { temporaryName } from '../names.ts';
import { createCollection, createIndexes, dropCollection, isServersNo } from './server-steps.ts';

const EXPIRE = 'expireAfterSeconds';
/** 68 years: what a server that cannot turn an index into a TTL index gets until the end. Documents dated before 1958 expire. */
const FAR = 2_147_483_647;

/**
 * How a TTL index is kept from deleting what is being restored: made without expiry, which is added by `collMod` at the
 * end (`plain`, MongoDB 5.1 and later), or made with one far away (`far`).
 */
export type Neutralising = 'plain' | 'far';

export const isTtl = (index: OrderedDocument): boolean => index.has(EXPIRE);

const neutralIndex = (index: OrderedDocument, how: Neutralising): OrderedDocument => {
  if (!isTtl(index)) return index;
  if (how === 'plain') return without(index, [EXPIRE]);
  return new Map<string, OrderedValue>([...index, [EXPIRE, new BSON.Int32(FAR)]]);
};

/** The definition to stage: nothing in it deletes. Clustered collections and time series have an expiry of their own. */
export const neutral = ({ options, indexes }: Definition, how: Neutralising): Definition => ({
  options: without(options, [EXPIRE]),
  indexes: indexes.map((index) => neutralIndex(index, how)),
});

/** Makes expiry live: from here on the server deletes what has expired. */
export const makeExpiryLive = async (
  database: Database,
  at: { readonly db: string; readonly collection: string },
  { options, indexes }: Definition,
): Promise<void> => {
  for (const index of indexes.filter(isTtl)) {
    const command = { collMod: at.collection, index: { name: indexName(index), [EXPIRE]: index.get(EXPIRE) } };
    await around('database.expiry', () => database.run(at.db, command));
  }
  const expiry = options.get(EXPIRE);
  if (expiry === undefined) return;
  await around('database.expiry', () => database.run(at.db, { collMod: at.collection, [EXPIRE]: expiry }));
};

/** Tries on an empty collection what this server can do; null: neither way works, and TTL indexes cannot be restored. */
export const probeNeutralising = async (
  database: Database,
  db: string,
  operation: string,
): Promise<Neutralising | null> => {
  const collection = temporaryName('probe', operation, db);
  const wanted = new Map<string, OrderedValue>([
    ['key', new Map([['at', new BSON.Int32(1)]])],
    ['name', 'at_1'],
    [EXPIRE, new BSON.Int32(3600)],
  ]);
  const definition = { options: new Map(), indexes: [wanted] };
  try {
    for (const how of ['plain', 'far'] as const) {
      await dropCollection(database, db, collection);
      await createCollection(database, db, collection, new Map());
      try {
        await createIndexes(database, db, collection, neutral(definition, how).indexes);
        await makeExpiryLive(database, { db, collection }, definition);
      } catch (error) {
        if (isServersNo(error)) continue;
        throw error;
      }
      const made = (await listIndexes(database, db, collection)).find((index) => indexName(index) === 'at_1');
      if (numberOf(made?.get(EXPIRE)) === 3600) return how;
    }
    return null;
  } finally {
    await dropCollection(database, db, collection).catch(() => {});
  }
};
