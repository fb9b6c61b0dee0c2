import { describe, expect, test } from 'vitest';
import { parseJsonPath, readJsonPath } from '../../../src/config/json-path.ts';
import { DeployError } from '../../../src/errors.ts';

describe('parsing', () => {
  test.each<[string, (string | number)[]]>([
    ['$', []],
    ['$.a.b[0].c', ['a', 'b', 0, 'c']],
    ['$[2][10]', [2, 10]],
    ['$["with space"][\'x.y\']', ['with space', 'x.y']],
    ['$.kebab-case.größe', ['kebab-case', 'größe']],
    ["$['']", ['']],
  ])('%s', (text, path) => {
    expect(parseJsonPath(text)).toEqual(path);
  });

  test.each(['', 'a.b', '.a', '$a', '$.', '$..a', '$.a[', '$.a[-1]', '$.a[x]', '$.a[*]', '$.a b', "$['a]", '$.a.'])(
    'refuses %j',
    (text) => {
      expect(() => parseJsonPath(text)).toThrow(DeployError);
      try {
        parseJsonPath(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'config-invalid', hint: 'write it like $.checks[0].status' });
        expect((error as Error).message).toContain(`"${text}"`);
      }
    },
  );
});

describe('reading', () => {
  const document = JSON.parse('{"a":{"b":[{"c":0},null]},"n":null,"__proto__":{"x":1}}');
  test.each<[string, unknown]>([
    ['$.a.b[0].c', 0],
    ['$.a.b[1]', null],
    ['$.n', null],
    ['$.__proto__.x', 1],
    ['$.a.b[2]', undefined],
    ['$.a[0]', undefined],
    ['$.a.b.length', undefined],
    ['$.a.toString', undefined],
    ['$.n.x', undefined],
    ['$.missing.deeper', undefined],
  ])('%s', (path, value) => {
    expect(readJsonPath(document, parseJsonPath(path))).toEqual(value);
  });

  test('the whole document', () => {
    expect(readJsonPath(7, [])).toBe(7);
  });
});
