import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { fromExtendedJson } from '../../../src/backup/archive/extended-json.ts';
import { compareDefinitions, definitionText, describeDifference } from '../../../src/backup/definition.ts';
import { isBackedUp, parseTemporaryName, temporaryName } from '../../../src/backup/names.ts';
import { asAsked } from '../../../src/backup/restore/server-steps.ts';
import { keepsEmptyTimestamps, parseVersion } from '../../../src/backup/server-version.ts';

const define = (options: string, ...indexes: string[]) => ({
  options: fromExtendedJson(options),
  indexes: indexes.map(fromExtendedJson),
});
const differences = (asked: ReturnType<typeof define>, found: ReturnType<typeof define>) =>
  compareDefinitions(asked, found).map(describeDifference);
const id = '{"v":2,"key":{"_id":1},"name":"_id_"}';

describe('what a server has, against what it was asked for', () => {
  test('is the same when only number types and the order of options differ', () => {
    const asked = define('{"capped":true,"size":{"$numberLong":"4096"}}', id);
    expect(differences(asked, define('{"size":{"$numberDouble":"4096.0"},"capped":true}', id))).toEqual([]);
    expect(definitionText(asked)).toBe(definitionText(define('{"size":4096,"capped":true}', id)));
  });
  test('a forgotten option is named', () => {
    expect(differences(define('{"validator":{"a":1}}'), define('{}'))).toEqual([
      'option validator did not take (asked for {"a":#1})',
    ]);
  });
  test('an option that became another is named', () => {
    expect(differences(define('{"size":100}'), define('{"size":256}'))).toEqual(['option size is #256, not #100']);
  });
  test('defaults the server adds are no difference', () => {
    expect(
      differences(define('{"validator":{}}', id), define('{"validator":{},"validationLevel":"strict"}', id)),
    ).toEqual([]);
    const index = '{"v":2,"key":{"a":1},"name":"a_1"}';
    expect(differences(define('{}', index), define('{}', id, '{"v":2,"key":{"a":1},"name":"a_1","x":1}'))).toEqual([]);
  });
  test('a missing index, another option of one, another order of its key, and one nobody asked for', () => {
    const asked = define('{}', '{"key":{"a":1,"b":1},"name":"x","unique":true}', '{"key":{"c":1},"name":"y"}');
    const found = define('{}', id, '{"key":{"b":1,"a":1},"name":"x"}', '{"key":{"d":1},"name":"z"}');
    expect(differences(asked, found)).toEqual([
      'index x: key is {"b":#1,"a":#1}, not {"a":#1,"b":#1}',
      'index x: unique did not take (asked for true)',
      'index y did not take (asked for {"key":{"c":#1},"name":"y"})',
      'index z is {"key":{"d":#1},"name":"z"}, not none',
    ]);
  });
  test('namespace and way of building are no part of an index', () => {
    const old = define('{}', '{"key":{"a":1},"name":"x","ns":"d.c","background":true}');
    expect(differences(old, define('{}', '{"key":{"a":1},"name":"x"}'))).toEqual([]);
    expect(definitionText(old)).toBe(definitionText(define('{}', '{"name":"x","key":{"a":1}}')));
  });
  test('the order of indexes means nothing, that of a key everything', () => {
    const [x, y] = ['{"key":{"a":1},"name":"x"}', '{"key":{"b":1},"name":"y"}'];
    expect(definitionText(define('{}', x, y))).toBe(definitionText(define('{}', y, x)));
    expect(definitionText(define('{}', '{"key":{"a":1,"b":1},"name":"x"}'))).not.toBe(
      definitionText(define('{}', '{"key":{"b":1,"a":1},"name":"x"}')),
    );
  });
});

test('a text index is asked for by its fields', () => {
  const listed = fromExtendedJson(
    '{"key":{"a":1,"_fts":"text","_ftsx":1,"b":-1},"name":"t","weights":{"body":1,"title":3}}',
  );
  const { key, weights } = BSON.deserialize(BSON.serialize(asAsked(listed)));
  expect([Object.entries(key), weights]).toEqual([
    [
      ['a', 1],
      ['body', 'text'],
      ['title', 'text'],
      ['b', -1],
    ],
    { body: 1, title: 3 },
  ]);
  const other = fromExtendedJson('{"key":{"a":1},"name":"t"}');
  expect(asAsked(other)).toBe(other);
});

describe('names', () => {
  test('of temporary collections have a fixed length and are recognised', () => {
    const name = temporaryName('kept', '000012-ab12', `d.${'x'.repeat(250)}`);
    expect(name.length).toBe(temporaryName('kept', '000012-ab12', 'd.x').length);
    expect(parseTemporaryName(name)).toEqual({ kind: 'kept', operation: '000012-ab12' });
    expect(parseTemporaryName('kaleem-deploy_notes')).toBeNull();
  });
  test.each<[string, string, boolean]>([
    ['d', 'users', true],
    ['d', 'system.js', true],
    ['d', 'system.views', false],
    ['d', 'system.profile', false],
    ['d', 'system.buckets.x', false],
    ['d', 'a$b', false],
    ['d', temporaryName('staged', 'x-1', 'd.c'), false],
    ['admin', 'system.users', true],
    ['admin', 'system.roles', true],
    ['admin', 'system.version', true],
    ['admin', 'system.keys', false],
    ['d', 'system.users', false],
    ['local', 'oplog.rs', false],
    ['config', 'transactions', false],
  ])('%s.%s in a backup: %s', (db, collection, expected) => expect(isBackedUp(db, collection)).toBe(expected));
});

test.each<[string, boolean]>([
  ['4.4.29', false],
  ['5.0.28', false],
  ['5.0.29', true],
  ['6.0.16', false],
  ['6.0.17', true],
  ['7.0.12', false],
  ['7.0.13', true],
  ['7.1.0', false],
  ['8.0.0', true],
  ['8.2.1-rc0', true],
  ['nonsense', false],
])('server %s can be told to keep empty timestamps: %s', (version, expected) =>
  expect(keepsEmptyTimestamps(parseVersion(version))).toBe(expected),
);
