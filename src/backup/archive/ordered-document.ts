import { BSON } from 'mongodb';
import { BsonError, BsonType, checkDocument, elements } from './bson.ts';

/**
 * A decoded document that keeps its fields in order. Plain objects don't: they move integer-like names to the front,
 * which turns the index `{b: 1, "0": 1}` into another one. The driver encodes Maps in their order.
 */
export type OrderedDocument = ReadonlyMap<string, OrderedValue>;
/** A document, an array, or what the driver's BSON library makes of a scalar (`Int32`, `Long`, `string`, `Date`, ...). */
export type OrderedValue = OrderedDocument | readonly OrderedValue[] | Scalar;
export type Scalar = string | boolean | null | object;

export const isDocument = (value: OrderedValue | undefined): value is OrderedDocument => value instanceof Map;

/** One scalar, by way of a document that holds nothing else. */
const decodeScalar = (type: number, bytes: Buffer): OrderedValue => {
  const wrapper = Buffer.alloc(4 + 3 + bytes.length + 1);
  wrapper.writeInt32LE(wrapper.length, 0);
  wrapper[4] = type;
  wrapper.write('v', 5);
  bytes.copy(wrapper, 7);
  const { v } = BSON.deserialize(wrapper, {
    promoteValues: false,
    promoteBuffers: false,
    bsonRegExp: true,
    validation: { utf8: false },
  });
  return v as OrderedValue;
};

const decodeValue = (bytes: Buffer, type: number, start: number, end: number): OrderedValue => {
  if (type === BsonType.document) return decodeChecked(bytes, start, end);
  if (type === BsonType.array) return [...decodeChecked(bytes, start, end).values()];
  return decodeScalar(type, bytes.subarray(start, end));
};

const decodeChecked = (bytes: Buffer, start: number, end: number): OrderedDocument => {
  const document = new Map<string, OrderedValue>();
  for (const element of elements(bytes, start, end)) {
    if (document.has(element.name)) throw new BsonError(`two fields are called ${JSON.stringify(element.name)}`, start);
    document.set(element.name, decodeValue(bytes, element.type, element.valueStart, element.valueEnd));
  }
  return document;
};

/** Decodes one document. For metadata only: documents of users are never decoded. Throws {@link BsonError}. */
export const decodeOrdered = (bytes: Buffer): OrderedDocument => {
  checkDocument(bytes, 0, bytes.length);
  return decodeChecked(bytes, 0, bytes.length);
};

export const encodeOrdered = (document: OrderedDocument): Buffer => Buffer.from(BSON.serialize(document));

/** Decodes, and makes sure that nothing was lost by it: null when encoding gives other bytes than were decoded. */
export const decodeFaithfully = (bytes: Buffer): OrderedDocument | null => {
  const document = decodeOrdered(bytes);
  return encodeOrdered(document).equals(bytes) ? document : null;
};

export const without = (document: OrderedDocument, names: readonly string[]): OrderedDocument =>
  new Map([...document].filter(([name]) => !names.includes(name)));

/** The number a BSON number stands for, or null when it is no number. */
export const numberOf = (value: OrderedValue | undefined): number | null => {
  const type = (value as { _bsontype?: string } | null | undefined)?._bsontype;
  return type === 'Int32' || type === 'Double' || type === 'Long' ? Number(String(value)) : null;
};
