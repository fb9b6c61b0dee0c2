import { createHash } from 'node:crypto';
import { type BSON, MongoClient } from 'mongodb';
import { openDatabase } from '../../src/backup/connection.ts';
import { contentHash } from '../../src/backup/content-hash.ts';
import { systemClock } from '../../src/system/clock.ts';

const DATABASE = 'kaleem';

/** `address`: host and port. */
const uriOf = (address: string): string => `mongodb://${address}/${DATABASE}?directConnection=true`;

/** The content hash as the tool takes it. */
export const hashOf = async (address: string): Promise<string> => {
  const database = await openDatabase({ uri: uriOf(address), name: DATABASE }, { clock: systemClock });
  try {
    return (await contentHash(database)).hash;
  } finally {
    await database.close();
  }
};

const withClient = async <T>(address: string, work: (client: MongoClient) => Promise<T>): Promise<T> => {
  const client = new MongoClient(uriOf(address), { serverSelectionTimeoutMS: 10_000 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
};

/** Names of all collections, the tool's temporary ones included. */
export const collectionsOf = (address: string): Promise<readonly string[]> =>
  withClient(address, async (client) => {
    const found = await client.db(DATABASE).listCollections({}, { nameOnly: true }).toArray();
    return found.map(({ name }) => name).sort();
  });

/**
 * What is in the database, worked out without the tool's own code, which is what is under test: for each collection the
 * digest of its documents' bytes, whatever their order, and its indexes; of `uncounted` ones, that clients write to all the
 * time, the indexes alone.
 */
export const fingerprintOf = (
  address: string,
  uncounted: readonly string[] = [],
): Promise<Readonly<Record<string, string>>> =>
  withClient(address, async (client) => {
    const database = client.db(DATABASE);
    const names = await collectionsOf(address);
    const entries = names.map(async (name) => {
      const documents = uncounted.includes(name)
        ? []
        : ((await database.collection(name).find({}, { raw: true }).toArray()) as unknown as Buffer[]);
      const sums = documents.map((bytes) => createHash('sha256').update(bytes).digest('hex')).sort();
      const indexes = (await database.collection(name).indexes()).map((index) => JSON.stringify(index)).sort();
      const digest = createHash('sha256')
        .update(JSON.stringify([sums, indexes]))
        .digest('hex');
      return [name, `${documents.length} ${digest}`] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  });

export const insertInto = (address: string, collection: string, documents: BSON.Document[]): Promise<void> =>
  withClient(address, async (client) => {
    await client.db(DATABASE).collection(collection).insertMany(documents);
  });

/** The `number` of every document of a collection. */
export const readNumbers = (address: string, collection: string): Promise<readonly number[]> =>
  withClient(address, async (client) => {
    const found = client.db(DATABASE).collection<{ number: number }>(collection);
    return (await found.find({}, { projection: { _id: 0, number: 1 }, batchSize: 20_000 }).toArray()).map(
      ({ number }) => number,
    );
  });

/** Empties a collection; its indexes stay. */
export const removeAll = (address: string, collection: string): Promise<void> =>
  withClient(address, async (client) => {
    await client.db(DATABASE).collection(collection).deleteMany({});
  });
