import { expect, test } from 'vitest';
import { Crc64, crcText } from '../../../src/backup/archive/crc64.ts';

const crc = (...parts: string[]): string => {
  const sum = new Crc64();
  for (const part of parts) sum.update(Buffer.from(part));
  return crcText(sum.value());
};

test('gives the check value of CRC-64/XZ', () => {
  expect(crc('123456789')).toBe('995dc9bbdf1939fa');
});

test('of nothing is zero', () => {
  expect(crc()).toBe('0000000000000000');
  expect(crc('')).toBe('0000000000000000');
});

test('does not depend on how the bytes are cut', () => {
  const text = 'The quick brown fox jumps over the lazy dog, again and again';
  for (let at = 0; at <= text.length; at++) expect(crc(text.slice(0, at), text.slice(at))).toBe(crc(text));
});

test('agrees with the definition, bit by bit, on bytes of every value', () => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 31) & 255));
  let expected = 0xffffffffffffffffn;
  for (const byte of bytes) {
    expected ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      expected = expected & 1n ? (expected >> 1n) ^ 0xc96c5795d7870f42n : expected >> 1n;
  }
  expect(new Crc64().update(bytes).value()).toBe(expected ^ 0xffffffffffffffffn);
});
