/** BSON bytes (https://bsonspec.org/spec.html) without decoding them: lengths, bounds and element types only. */

/** `{}`: a length and a terminator. */
export const SMALLEST_DOCUMENT = 5;
/** 16 MiB for users' documents, and the 16 KiB more that servers allow themselves internally. */
export const LARGEST_DOCUMENT = 16 * 1024 * 1024 + 16 * 1024;
/** Servers refuse to store more than 180 levels; what nests deeper than this is an attack on the reader's stack. */
const DEEPEST = 500;

export const BsonType = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  dbPointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  codeWithScope: 0x0f,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal128: 0x13,
  maxKey: 0x7f,
  minKey: 0xff,
} as const;

/** Bytes that are not BSON. `offset` is where, counted from the start of the buffer that was given. */
export class BsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'BsonError';
    this.offset = offset;
  }
}

/** A 32-bit little-endian signed integer. The caller has checked the bounds. */
export const int32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24);

/** Says what is wrong with a document's length prefix, or null. */
export const lengthProblem = (length: number): string | null => {
  if (length < SMALLEST_DOCUMENT) return `a document says it has ${length} bytes, fewer than the smallest (5)`;
  if (length > LARGEST_DOCUMENT)
    return `a document says it has ${length} bytes, more than the largest (${LARGEST_DOCUMENT})`;
  return null;
};

const afterCString = (bytes: Uint8Array, at: number, end: number): number => {
  let cursor = at;
  while (cursor < end && bytes[cursor] !== 0) cursor++;
  if (cursor >= end) throw new BsonError('a name or pattern does not end', at);
  return cursor + 1;
};

const afterString = (bytes: Uint8Array, at: number, end: number): number => {
  if (at + 5 > end) throw new BsonError('a string is cut off', at);
  const length = int32At(bytes, at);
  if (length < 1 || length > end - at - 4) throw new BsonError(`a string says it has ${length} bytes`, at);
  if (bytes[at + 3 + length] !== 0) throw new BsonError('a string does not end with a zero byte', at);
  return at + 4 + length;
};

const afterBinary = (bytes: Uint8Array, at: number, end: number): number => {
  if (at + 5 > end) throw new BsonError('binary data is cut off', at);
  const length = int32At(bytes, at);
  if (length < 0 || length > end - at - 5) throw new BsonError(`binary data says it has ${length} bytes`, at);
  return at + 5 + length;
};

const afterDocument = (bytes: Uint8Array, at: number, end: number): number => {
  if (at + SMALLEST_DOCUMENT > end) throw new BsonError('an embedded document is cut off', at);
  const length = int32At(bytes, at);
  if (length < SMALLEST_DOCUMENT || length > end - at) {
    throw new BsonError(`an embedded document says it has ${length} bytes`, at);
  }
  return at + length;
};

const afterCodeWithScope = (bytes: Uint8Array, at: number, end: number, depth: number): number => {
  // A length, a string of at least one byte and a document: 4 + 5 + 5.
  if (at + 14 > end) throw new BsonError('code with scope is cut off', at);
  const length = int32At(bytes, at);
  if (length < 14 || length > end - at) throw new BsonError(`code with scope says it has ${length} bytes`, at);
  const scope = afterString(bytes, at + 4, at + length);
  checkDocument(bytes, scope, at + length, depth + 1);
  return at + length;
};

/** Bytes of the types whose values all have the same size; -1: the size is in the value, -2: no such type. */
const FIXED_SIZES = new Int8Array(256).fill(-2);
for (const type of Object.values(BsonType)) FIXED_SIZES[type] = -1;
for (const [size, types] of [
  [0, [BsonType.null, BsonType.undefined, BsonType.minKey, BsonType.maxKey]],
  [1, [BsonType.boolean]],
  [4, [BsonType.int32]],
  [8, [BsonType.double, BsonType.date, BsonType.timestamp, BsonType.int64]],
  [12, [BsonType.objectId]],
  [16, [BsonType.decimal128]],
] as const) {
  for (const type of types) FIXED_SIZES[type] = size;
}

/** Where the value of an element ends. Embedded documents are stepped over, not looked into. */
export const valueEnd = (bytes: Uint8Array, type: number, at: number, end: number, depth = 0): number => {
  const size = FIXED_SIZES[type] as number;
  if (size >= 0) {
    if (at + size > end) throw new BsonError('a value is cut off', at);
    return at + size;
  }
  switch (type) {
    case BsonType.string:
    case BsonType.code:
    case BsonType.symbol:
      return afterString(bytes, at, end);
    case BsonType.document:
    case BsonType.array:
      return afterDocument(bytes, at, end);
    case BsonType.binary:
      return afterBinary(bytes, at, end);
    case BsonType.regex:
      return afterCString(bytes, afterCString(bytes, at, end), end);
    case BsonType.dbPointer: {
      const id = afterString(bytes, at, end);
      if (id + 12 > end) throw new BsonError('a value is cut off', at);
      return id + 12;
    }
    case BsonType.codeWithScope:
      return afterCodeWithScope(bytes, at, end, depth);
    default:
      throw new BsonError(`0x${type.toString(16).padStart(2, '0')} is no BSON type`, at);
  }
};

/**
 * Checks the whole structure of the document at `start`, which must fill the bytes up to `end`: every length, terminator
 * and type, at any depth. Values are not judged (a server may hold invalid UTF-8, and a backup must carry it).
 */
export const checkDocument = (bytes: Uint8Array, start: number, end: number, depth = 0): void => {
  if (depth > DEEPEST) throw new BsonError(`documents are nested deeper than ${DEEPEST} levels`, start);
  const length = end - start < SMALLEST_DOCUMENT ? -1 : int32At(bytes, start);
  if (length !== end - start)
    throw new BsonError(`a document says it has ${length} bytes and has ${end - start}`, start);
  const last = end - 1;
  if (bytes[last] !== 0) throw new BsonError('a document does not end with a zero byte', start);
  let at = start + 4;
  while (at < last) {
    const type = bytes[at] as number;
    const value = afterCString(bytes, at + 1, last);
    const next = valueEnd(bytes, type, value, last, depth);
    if (type === BsonType.document || type === BsonType.array) checkDocument(bytes, value, next, depth + 1);
    at = next;
  }
};

export interface Element {
  readonly type: number;
  readonly name: string;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The elements of the document at `start`, top level only. Throws {@link BsonError} where the bytes are not BSON. */
export function* elements(bytes: Buffer, start: number, end: number): Generator<Element> {
  const last = end - 1;
  let at = start + 4;
  while (at < last) {
    const type = bytes[at] as number;
    const value = afterCString(bytes, at + 1, last);
    const next = valueEnd(bytes, type, value, last);
    yield { type, name: bytes.toString('utf8', at + 1, value - 1), valueStart: value, valueEnd: next };
    at = next;
  }
}

/** Documents one after the other without anything between them, whole. */
export interface DocumentRun {
  readonly bytes: Buffer;
  readonly count: number;
}

/** Calls `visit` with the bounds of each document of a run. */
export const eachDocument = (bytes: Buffer, visit: (start: number, end: number) => void): void => {
  for (let at = 0; at < bytes.length; ) {
    const end = at + int32At(bytes, at);
    visit(at, end);
    at = end;
  }
};
