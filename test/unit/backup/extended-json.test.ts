import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { fromExtendedJson, toExtendedJson } from '../../../src/backup/archive/extended-json.ts';
import { decodeFaithfully, decodeOrdered, encodeOrdered } from '../../../src/backup/archive/ordered-document.ts';

describe('options and indexes as Extended JSON', () => {
  test('keep the order of integer-like names through bytes, text and back', () => {
    const original = new Map([
      [
        'key',
        new Map([
          ['b', new BSON.Int32(1)],
          ['10', new BSON.Int32(-1)],
          ['2', new BSON.Int32(1)],
        ]),
      ],
    ]);
    const bytes = encodeOrdered(original);
    const text = toExtendedJson(decodeOrdered(bytes));
    expect(text).toBe('{"key":{"b":{"$numberInt":"1"},"10":{"$numberInt":"-1"},"2":{"$numberInt":"1"}}}');
    expect(encodeOrdered(fromExtendedJson(text))).toEqual(bytes);
  });

  test('carry every type of value', () => {
    const text = `{"a":[{"$numberLong":"9223372036854775807"},{"$numberDouble":"1.5"},{"$numberDecimal":"1.10"},true,null,"x\\"y"],
      "d":{"$date":{"$numberLong":"-1"}},"o":{"$oid":"0102030405060708090a0b0c"},"r":{"$regularExpression":{"pattern":"^a","options":"i"}},
      "b":{"$binary":{"base64":"AQI=","subType":"00"}},"t":{"$timestamp":{"t":1,"i":2}},"m":{"$minKey":1},"M":{"$maxKey":1},"n":{"$numberDouble":"NaN"}}`;
    const parsed = fromExtendedJson(text);
    expect(fromExtendedJson(toExtendedJson(parsed))).toEqual(parsed);
    expect(toExtendedJson(parsed)).toBe(text.replace(/\n\s*/g, ''));
  });

  test('relaxed numbers become the smallest type that holds them', () => {
    const text = toExtendedJson(fromExtendedJson('{"a": 1, "b": 2147483648, "c": 1.0, "d": -3}'));
    expect(text).toBe(
      '{"a":{"$numberInt":"1"},"b":{"$numberLong":"2147483648"},"c":{"$numberDouble":"1.0"},"d":{"$numberInt":"-3"}}',
    );
  });

  test('an operator stays an operator', () => {
    const text =
      '{"validator":{"a":{"$regex":"^x","$options":"i"},"b":{"$type":"string"},"$expr":{"$gt":["$a","$b"]}}}';
    expect(toExtendedJson(fromExtendedJson(text))).toBe(text);
  });

  test.each([
    '',
    '{',
    '{"a":}',
    '{"a":1,}',
    '{"a" 1}',
    '[1]',
    '{"a":1} x',
    '{"a":1,"a":2}',
    "{'a':1}",
    '{"a":01}',
    `{"a":${'['.repeat(300)}`,
  ])('what is no document is refused: %s', (text) => expect(() => fromExtendedJson(text)).toThrow(SyntaxError));

  test('a value that decoding would change is noticed', () => {
    expect(decodeFaithfully(Buffer.from('080000000a610000', 'hex'))).not.toBeNull();
    // undefined: encoding leaves it out.
    expect(decodeFaithfully(Buffer.from('0800000006610000', 'hex'))).toBeNull();
  });
});
