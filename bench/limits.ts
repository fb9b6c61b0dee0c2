// What bounds a dump and a restore from below, on the same server and data: the least that any program for it has to do.
import { createGzip } from 'node:zlib';
import { listCollections } from '../src/backup/collections.ts';
import type { Database } from '../src/backup/connection.ts';
import { insertRaw } from '../src/backup/raw-insert.ts';
import { readCollection } from '../src/backup/raw-read.ts';
import { inLanes } from '../src/system/lanes.ts';

/** Collections at once, and messages under way: what mongodump and mongorestore do unless told. */
const LANES = 4;

type Take = (bytes: Buffer, collection: string, count: number) => Promise<void>;

const readAll = async (database: Database, signal: AbortSignal, take: Take): Promise<void> => {
  await inLanes(await listCollections(database, signal), { lanes: LANES, signal }, async (each, _, until) => {
    for await (const { bytes, count } of readCollection(database, each.db, each.dataCollection, { signal: until })) {
      await take(bytes, each.collection, count);
    }
  });
};

/** Reads everything and throws it away. Resolves to how many bytes of documents that was. */
export const readOnly = async (database: Database, signal: AbortSignal): Promise<number> => {
  let read = 0;
  await readAll(database, signal, async (bytes) => {
    read += bytes.length;
  });
  return read;
};

/** Reads everything through one thread of gzip, at the level that mongodump has. Resolves to the bytes that come out. */
export const readAndGzip = async (database: Database, signal: AbortSignal): Promise<number> => {
  const gzip = createGzip({ level: 6 });
  let size = 0;
  gzip.on('data', (bytes: Buffer) => {
    size += bytes.length;
  });
  const ended = new Promise((resolve, reject) => gzip.once('end', resolve).once('error', reject));
  await readAll(
    database,
    signal,
    (bytes) => new Promise((resolve, reject) => gzip.write(bytes, (error) => (error ? reject(error) : resolve()))),
  );
  gzip.end();
  await ended;
  return size;
};

interface Message {
  readonly collection: string;
  readonly bytes: Buffer;
  readonly count: number;
}

/** Batches of documents in memory, up to so many bytes. */
export const takeToMemory = async (
  database: Database,
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
): Promise<readonly Message[]> => {
  const messages: Message[] = [];
  let kept = 0;
  await readAll(database, signal, async (bytes, collection, count) => {
    if (kept + bytes.length > most) return;
    kept += bytes.length;
    messages.push({ collection, bytes, count });
  });
  return messages;
};

/** Inserts what is in memory into another database, as bytes and as durably as a restore does. Nothing is staged or checked. */
export const insertFromMemory = (
  database: Database,
  db: string,
  { messages, signal }: { readonly messages: readonly Message[]; readonly signal: AbortSignal },
): Promise<void> =>
  inLanes(messages, { lanes: LANES, signal }, ({ collection, bytes, count }) =>
    insertRaw(database, { db, collection, buckets: false, rawData: false }, { bytes, count }),
  );
