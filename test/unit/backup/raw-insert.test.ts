import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { rawDocuments } from '../../../src/backup/raw-insert.ts';

const require = createRequire(import.meta.url);
const documents = [BSON.serialize({ _id: 1 }), BSON.serialize({ _id: 2, a: 'x' })].map((each) => Buffer.from(each));
const run = { bytes: Buffer.concat(documents), count: 2 };

describe('the driver, which this depends on from the inside', () => {
  test('is of the version that was tried', () => {
    const { version } = JSON.parse(readFileSync(require.resolve('mongodb/package.json'), 'utf8'));
    expect(version).toBe('7.8.0');
  });

  test('puts raw documents into a message untouched, as a section of kind 1', () => {
    const { OpMsgRequest } = require('mongodb/lib/cmap/commands');
    const request = new OpMsgRequest('d', { insert: 'c', documents: rawDocuments('d.c', run) }, {});
    const message = Buffer.concat(request.toBin());
    expect(message.readInt32LE(0)).toBe(message.length);
    const body = message.subarray(21, 21 + message.readInt32LE(21));
    expect(BSON.deserialize(body)).toEqual({ insert: 'c', $db: 'd' });
    const section = message.subarray(21 + body.length);
    expect(section[0]).toBe(1);
    expect(section.readInt32LE(1)).toBe(section.length - 1);
    expect(section.subarray(5, 15).toString()).toBe('documents\0');
    expect(section.subarray(15)).toEqual(run.bytes);
  });
});

describe('without the class of the driver', () => {
  test('documents that encode to the same bytes are sent decoded', () => {
    const sent = rawDocuments('d.c', run, null) as object[];
    expect(sent.map((each) => Buffer.from(BSON.serialize(each)))).toEqual(documents);
  });
  test('one that would change is refused by name', () => {
    // {_id: 5, a: undefined}: the encoder leaves undefined out.
    const bytes = Buffer.from('11000000105f69640005000000066100'.concat('00'), 'hex');
    expect(() => rawDocuments('d.c', { bytes, count: 1 }, null)).toThrow(
      /d\.c: the document with _id .*5.* cannot be sent unchanged/,
    );
  });
});
