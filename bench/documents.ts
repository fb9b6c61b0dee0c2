// The data that benchmarks work on: documents that gzip makes some 0.4 times as large.
import { randomBytes } from 'node:crypto';
import { type Document, MongoClient } from 'mongodb';
import { inLanes } from '../src/system/lanes.ts';

export interface DataSet {
  readonly name: string;
  readonly collections: number;
  /** Of each, about. */
  readonly documentBytes: number;
}

export const DATA_SETS = {
  big: { name: 'one big collection of 1 KB documents', collections: 1, documentBytes: 1_000 },
  small: { name: '200 small collections of 1 KB documents', collections: 200, documentBytes: 1_000 },
  large: { name: 'documents of 1 MB', collections: 1, documentBytes: 1_000_000 },
} as const satisfies Readonly<Record<string, DataSet>>;

const BATCH_BYTES = 4_000_000;
const LANES = 4;
/** All of a document but its two texts: names, lengths, numbers. */
const REST_BYTES = 120;
const LOREM = 'lorem ipsum dolor sit amet consectetur ';

const documents = (count: number, bytes: number, first: number): Document[] => {
  const half = Math.ceil((bytes - REST_BYTES) / 2);
  const noise = randomBytes(count * half);
  const text = LOREM.repeat(Math.ceil(half / LOREM.length)).slice(0, half);
  return Array.from({ length: count }, (_, index) => ({
    ...{ number: first + index, name: `user ${first + index}`, createdAt: new Date(), active: index % 2 === 0 },
    noise: noise.toString('base64url', index * half, index * half + Math.floor((half * 3) / 4)),
    text,
  }));
};

interface Batch {
  readonly collection: string;
  readonly first: number;
  readonly count: number;
}

/** What there is to insert, a batch of one collection after a batch of the next. Pure. */
const batchesOf = ({ name, collections, documentBytes }: DataSet, bytes: number): readonly Batch[] => {
  const each = Math.max(1, Math.round(bytes / collections / documentBytes));
  const most = Math.max(1, Math.floor(BATCH_BYTES / documentBytes));
  const batches: Batch[] = [];
  for (let first = 0; first < each; first += most) {
    for (let index = 0; index < collections; index += 1) {
      const collection = `${name.replaceAll(/\W+/g, '-')}-${index + 1}`;
      batches.push({ collection, first, count: Math.min(most, each - first) });
    }
  }
  return batches;
};

/** Inserts a data set of so many bytes of documents, about, into a database. */
export const fill = async (
  { uri, database, signal }: { readonly uri: string; readonly database: string; readonly signal: AbortSignal },
  set: DataSet,
  bytes: number,
): Promise<void> => {
  const client = new MongoClient(uri);
  try {
    await inLanes(batchesOf(set, bytes), { lanes: LANES, signal }, async ({ collection, first, count }) => {
      await client
        .db(database)
        .collection(collection)
        .insertMany(documents(count, set.documentBytes, first));
    });
  } finally {
    await client.close();
  }
};
