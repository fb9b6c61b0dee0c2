import { createHash } from 'node:crypto';
import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { OrderedDigest, UnorderedDigest } from '../../../src/backup/document-digest.ts';

const documents = Array.from({ length: 200 }, (_, n) => Buffer.from(BSON.serialize({ _id: n, text: 'x'.repeat(n) })));
const digest = <T extends { add(run: { bytes: Buffer; count: number }): void; hex(): string }>(
  into: T,
  given: Buffer[],
): string => {
  for (const bytes of given) into.add({ bytes, count: 1 });
  return into.hex();
};
const unordered = (given: Buffer[]) => digest(new UnorderedDigest(), given);

describe('the unordered digest', () => {
  test('is the sum of the SHA-256 of the documents, modulo 2^256', () => {
    const sum = documents.reduce(
      (total, bytes) => total + BigInt(`0x${createHash('sha256').update(bytes).digest('hex')}`),
      0n,
    );
    expect(unordered(documents)).toBe((sum % 2n ** 256n).toString(16).padStart(64, '0'));
  });
  test('does not depend on the order, nor on how documents come in runs', () => {
    expect(unordered([...documents].reverse())).toBe(unordered(documents));
    const together = new UnorderedDigest();
    together.add({ bytes: Buffer.concat(documents), count: documents.length });
    expect(together.hex()).toBe(unordered(documents));
    expect(together).toMatchObject({ documents: 200, bytes: Buffer.concat(documents).length });
  });
  test('counts equal documents', () => {
    const [one] = documents as [Buffer];
    expect(new Set([[], [one], [one, one], [one, one, one]].map(unordered)).size).toBe(4);
  });
});

test('the ordered digest depends on the order', () => {
  const ordered = (given: Buffer[]) => digest(new OrderedDigest(), given);
  expect(ordered(documents)).not.toBe(ordered([...documents].reverse()));
  expect(ordered(documents)).toBe(ordered(documents));
});
