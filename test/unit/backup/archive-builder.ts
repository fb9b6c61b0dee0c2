import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BSON, type Document } from 'mongodb';
import { Crc64 } from '../../../src/backup/archive/crc64.ts';

/** Archives as the format's description says, built by hand and not by the writer under test. */
export const MAGIC = Buffer.from('6de29981', 'hex');
export const END = Buffer.from('ffffffff', 'hex');
export const bson = (value: Document): Buffer => Buffer.from(BSON.serialize(value));
export const header = (more: Document = {}): Buffer =>
  bson({
    concurrent_collections: new BSON.Int32(4),
    version: '0.1',
    server_version: '7.0.14',
    tool_version: '100.18.0',
    ...more,
  });
export const metadata = (collection: string, more: Document = {}): string =>
  JSON.stringify({
    indexes: [{ v: { $numberInt: '2' }, key: { _id: { $numberInt: '1' } }, name: '_id_' }],
    collectionName: collection,
    ...more,
  });
export const entry = (collection: string, more: Document = {}): Buffer =>
  bson({ db: 'd', collection, metadata: metadata(collection), size: new BSON.Int32(0), type: 'collection', ...more });
export const block = (collection: string, ...documents: Buffer[]): Buffer =>
  Buffer.concat([bson({ db: 'd', collection, EOF: false, CRC: BSON.Long.ZERO }), ...documents, END]);
export const crcOf = (...documents: Buffer[]): BSON.Long =>
  BSON.Long.fromBigInt(BigInt.asIntN(64, new Crc64().update(Buffer.concat(documents)).value()));
export const end = (collection: string, crc: BSON.Long, more: Document = {}): Buffer =>
  Buffer.concat([bson({ db: 'd', collection, EOF: true, CRC: crc, ...more }), END]);
export const whole = (collection: string, ...documents: Buffer[]): Buffer =>
  Buffer.concat([block(collection, ...documents), end(collection, crcOf(...documents))]);
export const archive = (...parts: Buffer[]): Buffer => Buffer.concat([MAGIC, ...parts]);

export interface TemporaryFolder {
  readonly path: string;
  /** Writes a file and gives its path. */
  file(bytes: Buffer, name?: string): Promise<string>;
  gzipped(bytes: Buffer): Promise<string>;
  remove(): Promise<void>;
}

export const temporaryFolder = async (): Promise<TemporaryFolder> => {
  const path = await mkdtemp(join(tmpdir(), 'kaleem-backup-unit-'));
  const file = async (bytes: Buffer, name = `${randomBytes(4).toString('hex')}.archive`): Promise<string> => {
    await writeFile(join(path, name), bytes);
    return join(path, name);
  };
  return {
    ...{ path, file },
    gzipped: (bytes) => file(gzipSync(bytes), `${randomBytes(4).toString('hex')}.archive.gz`),
    remove: () => rm(path, { recursive: true, force: true }),
  };
};
