import { BSON, type Document } from 'mongodb';
import { DeployError } from '../errors.ts';
import { BsonType, type DocumentRun, elements, lengthProblem, SMALLEST_DOCUMENT } from './archive/bson.ts';
import type { Database, Session } from './connection.ts';

/** Of the first batch (the server's own default is 101). */
const FIRST_DOCUMENTS = 1_000;
/** Of the batches after it, about: what several of them take in memory stays small, and larger ones are no faster. */
const BATCH_BYTES = 4 * 1024 * 1024;
const MOST_DOCUMENTS = 100_000;

/** How many documents the next batch should have, going by the last one. */
const nextBatchSize = ({ bytes, count }: DocumentRun): number =>
  count === 0
    ? FIRST_DOCUMENTS
    : Math.min(MOST_DOCUMENTS, Math.max(1, Math.round((BATCH_BYTES * count) / bytes.length)));

/** A read at one point in time: `null` asks the server for one, a timestamp repeats it for the next collection. */
export interface Snapshot {
  atClusterTime: BSON.Timestamp | null;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Read from a snapshot; filled with the cluster time of the first read. */
  readonly snapshot?: Snapshot;
  /** Buckets of a time series, on servers that keep them under the collection's own name. */
  readonly rawData?: boolean;
}

interface Batch {
  readonly cursor: bigint;
  readonly run: DocumentRun;
  readonly atClusterTime: BSON.Timestamp | null;
}

const broken = (namespace: string, problem: string): DeployError =>
  new DeployError('backup-failed', `${namespace}: the server's reply cannot be read: ${problem}`);

/** The documents of a reply's batch, without the array around them. They are copied, never parsed. */
const splitBatch = (namespace: string, bytes: Buffer, start: number, end: number): DocumentRun => {
  const run = Buffer.allocUnsafe(end - start);
  let filled = 0;
  let count = 0;
  for (let at = start + 4; at < end - 1; ) {
    if (bytes[at] !== BsonType.document) throw broken(namespace, 'a batch holds something that is no document');
    // The name of an array's element is its index in digits; its end is near.
    const value = bytes.indexOf(0, at + 1) + 1;
    const length = value > 0 && value + SMALLEST_DOCUMENT <= end ? bytes.readInt32LE(value) : 0;
    const problem = lengthProblem(length);
    if (problem !== null) throw broken(namespace, problem);
    if (value + length > end || bytes[value + length - 1] !== 0) throw broken(namespace, 'a document is cut off');
    bytes.copy(run, filled, value, value + length);
    filled += length;
    count++;
    at = value + length;
  }
  return { bytes: run.subarray(0, filled), count };
};

/** The `cursor` field of a reply to find, getMore, listCollections or listIndexes, as bytes. */
const parseCursor = (namespace: string, reply: Document): Batch => {
  const bytes: unknown = reply.cursor;
  if (!Buffer.isBuffer(bytes)) throw broken(namespace, 'it has no cursor');
  let cursor: bigint | null = null;
  let run: DocumentRun | null = null;
  let atClusterTime: BSON.Timestamp | null = null;
  for (const { type, name, valueStart, valueEnd } of elements(bytes, 0, bytes.length)) {
    if (name === 'id' && type === BsonType.int64) cursor = bytes.readBigInt64LE(valueStart);
    if ((name === 'firstBatch' || name === 'nextBatch') && type === BsonType.array) {
      run = splitBatch(namespace, bytes, valueStart, valueEnd);
    }
    if (name === 'atClusterTime' && type === BsonType.timestamp) {
      atClusterTime = new BSON.Timestamp(bytes.readBigUInt64LE(valueStart));
    }
    if (name === 'partialResultsReturned' && bytes[valueStart] === 1) throw broken(namespace, 'it is only a part');
  }
  if (cursor === null || run === null) throw broken(namespace, 'it has no cursor id or no batch');
  return { cursor, run, atClusterTime };
};

/**
 * Every batch of a command that returns a cursor, as bytes; the next one is asked for before this one is handled. All
 * in one session. The cursor is closed when the caller stops early.
 */
export async function* readCursor(
  database: Database,
  db: string,
  collection: string,
  command: Document,
  options: { readonly signal?: AbortSignal | undefined; readonly onFirst?: (first: Batch) => void } = {},
): AsyncGenerator<DocumentRun> {
  const namespace = `${db}.${collection}`;
  const { signal } = options;
  const session = database.openSession();
  let cursor = 0n;
  let ahead: Promise<Document> | null = null;
  try {
    let batch = parseCursor(namespace, await session.run(db, command, { raw: true, signal }));
    options.onFirst?.(batch);
    for (;;) {
      cursor = batch.cursor;
      ahead = cursor === 0n ? null : getMore(session, db, collection, cursor, nextBatchSize(batch.run), signal);
      // It is awaited below; a failure before that must not count as unhandled.
      ahead?.catch(() => {});
      if (batch.run.count > 0) yield batch.run;
      if (ahead === null) return;
      const reply = await ahead;
      ahead = null;
      batch = parseCursor(namespace, reply);
    }
  } finally {
    await ahead?.catch(() => {});
    if (cursor !== 0n) await killCursor(session, db, collection, cursor);
    await session.end().catch(() => {});
  }
}

const getMore = (
  session: Session,
  db: string,
  collection: string,
  cursor: bigint,
  batchSize: number,
  signal?: AbortSignal,
) => session.run(db, { getMore: BSON.Long.fromBigInt(cursor), collection, batchSize }, { raw: true, signal });

/** A cursor left open dies after ten minutes anyway, so that failing to close one is no failure. */
const killCursor = (session: Session, db: string, collection: string, cursor: bigint) =>
  session
    .run(db, { killCursors: collection, cursors: [BSON.Long.fromBigInt(cursor)] }, { timeoutMs: 5_000 })
    .catch(() => {});

/** Every document of a collection in natural order, as bytes. */
export const readCollection = (
  database: Database,
  db: string,
  collection: string,
  { signal, snapshot, rawData }: ReadOptions = {},
): AsyncGenerator<DocumentRun> => {
  const command: Document = {
    find: collection,
    filter: {},
    // The order documents were put in, which is what a capped collection is about.
    sort: { $natural: 1 },
    batchSize: FIRST_DOCUMENTS,
    ...(rawData ? { rawData: true } : {}),
    ...(snapshot === undefined ? {} : { readConcern: readConcern(snapshot) }),
  };
  return readCursor(database, db, collection, command, {
    signal,
    onFirst: (first) => {
      if (snapshot !== undefined && snapshot.atClusterTime === null) snapshot.atClusterTime = first.atClusterTime;
    },
  });
};

const readConcern = ({ atClusterTime }: Snapshot): Document =>
  atClusterTime === null ? { level: 'snapshot' } : { level: 'snapshot', atClusterTime };
