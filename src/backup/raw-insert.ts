import { BSON, type Document } from 'mongodb';
import { failpoint } from '#failpoint';
import { DeployError } from '../errors.ts';
import { type DocumentRun, eachDocument } from './archive/bson.ts';
import type { Database } from './connection.ts';
import { keepsEmptyTimestamps } from './server-version.ts';

/** Servers take 48 000 000 bytes and 100 000 documents a message; less keeps memory low, with several under way, each copied twice by the driver. */
export const BATCH_BYTES = 4 * 1024 * 1024;
export const BATCH_DOCUMENTS = 50_000;

interface Sequence {
  push(document: object, bytes: Buffer): number;
  toBin(): Uint8Array;
}
type SequenceConstructor = new (field: string) => Sequence;

/**
 * The driver's own class for a section of raw documents in a message. It is internal to the driver, whose version is
 * pinned for that; should it be gone or do something else, documents are encoded anew and compared (see below).
 */
const findSequence = async (): Promise<SequenceConstructor | null> => {
  try {
    // @ts-expect-error: the driver has no types for what is its own
    const { DocumentSequence } = (await import('mongodb/lib/cmap/commands.js')).default;
    return keepsContract(DocumentSequence) ? DocumentSequence : null;
  } catch {
    return null;
  }
};

/** Kind byte 1, the section's length, its name, and then the very bytes that were pushed. */
const keepsContract = (candidate: SequenceConstructor): boolean => {
  const bytes = Buffer.from([5, 0, 0, 0, 0]);
  const sequence = new candidate('documents');
  sequence.push({}, bytes);
  const expected = Buffer.concat([Buffer.from([1, 19, 0, 0, 0]), Buffer.from('documents\0'), bytes]);
  return expected.equals(sequence.toBin());
};

const Sequence = await findSequence();

/** The documents decoded such that encoding them gives the same bytes; refused by name where that cannot be. */
const reencodable = (namespace: string, { bytes }: DocumentRun): Document[] => {
  const documents: Document[] = [];
  eachDocument(bytes, (start, end) => {
    const original = bytes.subarray(start, end);
    const options = { promoteValues: false, bsonRegExp: true, validation: { utf8: false } };
    const document = BSON.deserialize(original, options);
    if (!original.equals(BSON.serialize(document))) {
      const id = BSON.EJSON.stringify(document._id ?? null);
      throw new DeployError('restore-failed', `${namespace}: the document with _id ${id} cannot be sent unchanged`, {
        hint: 'this build is not with the MongoDB driver it was made for: install kaleem-deploy again',
      });
    }
    documents.push(document);
  });
  return documents;
};

/** The value for `documents` of an insert command that puts these bytes on the wire untouched. */
export const rawDocuments = (namespace: string, run: DocumentRun, sequence = Sequence): object => {
  if (sequence === null) return reencodable(namespace, run);
  const raw = new sequence('documents');
  raw.push({}, run.bytes);
  return raw;
};

export interface InsertTarget {
  readonly db: string;
  readonly collection: string;
  /** Buckets of a time series: they are validated by the server whatever happens. */
  readonly buckets: boolean;
  /** The buckets go in under the collection's own name. */
  readonly rawData: boolean;
}

export const WRITE_CONCERN = { w: 'majority', j: true, wtimeout: 60_000 } as const;

interface WriteReply {
  readonly n?: number;
  readonly writeErrors?: readonly { readonly index: number; readonly errmsg?: string }[];
  readonly writeConcernError?: { readonly errmsg?: string };
}

/** Servers acknowledge a write that failed; only these fields say so. */
const checkInserted = (namespace: string, reply: WriteReply, count: number): void => {
  const [error] = reply.writeErrors ?? [];
  const problem =
    error !== undefined
      ? `document ${error.index + 1} of ${count} was not accepted: ${error.errmsg ?? 'no reason given'}`
      : reply.writeConcernError !== undefined
        ? `the write is not safe: ${reply.writeConcernError.errmsg ?? 'write concern error'}`
        : reply.n !== count
          ? `${reply.n} of ${count} documents were accepted`
          : null;
  if (problem !== null) throw new DeployError('restore-failed', `${namespace}: ${problem}`);
};

/** Inserts whole documents as bytes, in order. `restore-failed` when a single one is not accepted. */
export const insertRaw = async (database: Database, target: InsertTarget, run: DocumentRun): Promise<void> => {
  const namespace = `${target.db}.${target.collection}`;
  await failpoint('database.insert.before');
  const reply = await database.run(target.db, {
    insert: target.collection,
    documents: rawDocuments(namespace, run),
    ordered: true,
    ...(target.buckets ? {} : { bypassDocumentValidation: true }),
    ...(target.rawData ? { rawData: true } : {}),
    ...(keepsEmptyTimestamps(database.server.release) ? { bypassEmptyTsReplacement: true } : {}),
    writeConcern: WRITE_CONCERN,
  });
  await failpoint('database.insert.after');
  checkInserted(namespace, reply as WriteReply, run.count);
};
