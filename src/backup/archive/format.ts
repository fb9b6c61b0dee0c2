import { BSON } from 'mongodb';
import { fromExtendedJson, toExtendedJson } from './extended-json.ts';
import { decodeFaithfully, isDocument, numberOf, type OrderedDocument, type OrderedValue } from './ordered-document.ts';

/** The archive format of mongodump, version 0.1; docs/backup-format.md describes it byte by byte. */
export const MAGIC = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);
/** Where a document's length would be: the end of the prelude, or of a block. */
export const TERMINATOR = Buffer.from([0xff, 0xff, 0xff, 0xff]);
export const TERMINATOR_LENGTH = -1;
export const ARCHIVE_VERSION = '0.1';

export interface ArchiveHeader {
  /** How many namespaces a reader must be able to have open at once. */
  readonly concurrentCollections: number;
  readonly version: string;
  /** x.y.z */
  readonly serverVersion: string;
  readonly toolVersion: string;
}

export type NamespaceType = 'collection' | 'view' | 'timeseries';

/** What is needed to create a collection anew, as the server listed it. */
export interface Definition {
  readonly options: OrderedDocument;
  /** As `listIndexes` gave them, `_id_` included. */
  readonly indexes: readonly OrderedDocument[];
}

export interface PreludeEntry extends Definition {
  readonly db: string;
  readonly collection: string;
  readonly type: NamespaceType;
  /** 32 hex digits, or null. */
  readonly uuid: string | null;
  /** Bytes of data as the server estimates them; informative. */
  readonly size: number;
}

export interface BlockHeader {
  readonly db: string;
  readonly collection: string;
  readonly eof: boolean;
  readonly crc: bigint;
}

export const encodeHeader = (header: ArchiveHeader): Buffer =>
  Buffer.from(
    BSON.serialize({
      concurrent_collections: new BSON.Int32(header.concurrentCollections),
      version: header.version,
      server_version: header.serverVersion,
      tool_version: header.toolVersion,
    }),
  );

const metadataText = (entry: PreludeEntry): string =>
  toExtendedJson(
    new Map<string, OrderedValue>([
      ...(entry.options.size > 0 ? [['options', entry.options] as const] : []),
      ['indexes', entry.indexes],
      ...(entry.uuid === null ? [] : [['uuid', entry.uuid] as const]),
      ['collectionName', entry.collection],
      ['type', entry.type],
    ]),
  );

export const encodePreludeEntry = (entry: PreludeEntry): Buffer =>
  Buffer.from(
    BSON.serialize({
      db: entry.db,
      collection: entry.collection,
      metadata: metadataText(entry),
      size: entry.size <= 0x7fffffff ? new BSON.Int32(entry.size) : BSON.Long.fromNumber(entry.size),
      type: entry.type,
    }),
  );

export const encodeBlockHeader = (header: BlockHeader): Buffer =>
  Buffer.from(
    BSON.serialize({
      db: header.db,
      collection: header.collection,
      EOF: header.eof,
      CRC: BSON.Long.fromBigInt(BigInt.asIntN(64, header.crc)),
    }),
  );

/** A header that does not say what it must. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

const textField = (document: OrderedDocument, name: string): string => {
  const value = document.get(name);
  if (typeof value !== 'string') throw new FormatError(`its ${name} is not a text`);
  return value;
};

/** Text that is no UTF-8 would become other text: names and definitions are taken as they are, or not at all. */
const decodeExactly = (bytes: Buffer): OrderedDocument => {
  const document = decodeFaithfully(bytes);
  if (document === null)
    throw new FormatError('it holds text that is not UTF-8, or another form of BSON than is written');
  return document;
};

export const decodeHeader = (bytes: Buffer): ArchiveHeader => {
  const document = decodeExactly(bytes);
  const header = {
    concurrentCollections: numberOf(document.get('concurrent_collections')) ?? 0,
    version: textField(document, 'version'),
    serverVersion: textField(document, 'server_version'),
    toolVersion: textField(document, 'tool_version'),
  };
  if (header.version !== ARCHIVE_VERSION) {
    throw new FormatError(`its format is version ${JSON.stringify(header.version)}, and only "0.1" is known`);
  }
  return header;
};

const definitionOf = (text: string): Definition & { uuid: string | null; type: string | null } => {
  const document = text === '' ? new Map() : fromExtendedJson(text);
  const options = document.get('options') ?? new Map();
  const indexes = document.get('indexes') ?? [];
  if (!isDocument(options)) throw new FormatError('its options are not a document');
  if (!Array.isArray(indexes) || !indexes.every(isDocument)) throw new FormatError('its indexes are not documents');
  for (const index of indexes) {
    if (typeof index.get('name') !== 'string') throw new FormatError('an index has no name');
    if (!isDocument(index.get('key'))) throw new FormatError(`the index ${String(index.get('name'))} has no key`);
  }
  const uuid = document.get('uuid');
  const type = document.get('type');
  return {
    options,
    indexes,
    uuid: typeof uuid === 'string' && uuid !== '' ? uuid : null,
    type: typeof type === 'string' ? type : null,
  };
};

const isType = (type: string): type is NamespaceType =>
  type === 'collection' || type === 'view' || type === 'timeseries';

/** Older dumps name no type: options then tell a view and a time series from a collection. */
const typeOf = (named: string | null, options: OrderedDocument): NamespaceType => {
  if (named !== null && isType(named)) return named;
  if (named !== null && named !== '') throw new FormatError(`its type ${JSON.stringify(named)} is not known`);
  if (options.has('viewOn')) return 'view';
  return options.has('timeseries') ? 'timeseries' : 'collection';
};

export const decodePreludeEntry = (bytes: Buffer): PreludeEntry => {
  const document = decodeExactly(bytes);
  const db = textField(document, 'db');
  const collection = textField(document, 'collection');
  if (collection === '') throw new FormatError('it names no collection');
  if (/[\0]/.test(db + collection)) throw new FormatError('a name holds a zero character');
  const metadata = document.get('metadata') ?? '';
  if (typeof metadata !== 'string') throw new FormatError('its metadata is not a text');
  let definition: ReturnType<typeof definitionOf>;
  try {
    definition = definitionOf(metadata);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`its metadata is not Extended JSON: ${error instanceof Error ? error.message : error}`);
  }
  const named = document.get('type');
  return {
    db,
    collection,
    type: typeOf(typeof named === 'string' ? named : definition.type, definition.options),
    options: definition.options,
    indexes: definition.indexes,
    uuid: definition.uuid,
    size: numberOf(document.get('size')) ?? 0,
  };
};

const BLOCK_FIELDS = 'CRC,EOF,collection,db';

/** Strict, as mongorestore is: a field too many or of another type is an error. */
export const decodeBlockHeader = (bytes: Buffer): BlockHeader => {
  const document = decodeExactly(bytes);
  const fields = [...document.keys()].sort().join();
  if (fields !== BLOCK_FIELDS) throw new FormatError(`it has the fields ${fields}, not ${BLOCK_FIELDS}`);
  const eof = document.get('EOF');
  const crc = document.get('CRC');
  if (typeof eof !== 'boolean') throw new FormatError('its EOF is neither true nor false');
  if (!(crc instanceof BSON.Long)) throw new FormatError('its CRC is no 64-bit integer');
  const collection = textField(document, 'collection');
  if (collection === '') throw new FormatError('it names no collection');
  return { db: textField(document, 'db'), collection, eof, crc: BigInt.asUintN(64, crc.toBigInt()) };
};
