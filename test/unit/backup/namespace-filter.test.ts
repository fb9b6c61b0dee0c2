import { describe, expect, test } from 'vitest';
import { choose, filterText, isChosen, namespaceFilter } from '../../../src/backup/namespace-filter.ts';

const all = ['app.orders', 'app.order_lines', 'app.a.b', 'crm.orders', 'app.x(1)'].map((name) => {
  const at = name.indexOf('.');
  return { db: name.slice(0, at), collection: name.slice(at + 1) };
});
const chosen = (include: readonly string[], exclude: readonly string[] = []): readonly string[] =>
  all
    .filter((each) => isChosen(namespaceFilter({ include, exclude }), each))
    .map(({ db, collection }) => `${db}.${collection}`);

describe('a filter of namespaces', () => {
  test.each([
    [['app.orders'], [], ['app.orders']],
    [['app.*'], [], ['app.orders', 'app.order_lines', 'app.a.b', 'app.x(1)']],
    [['*.orders'], [], ['app.orders', 'crm.orders']],
    [['app.order*'], ['app.*lines'], ['app.orders']],
    [[], ['app.*'], ['crm.orders']],
    [['app.a.b'], [], ['app.a.b']],
    // Only the star means something.
    [['app.x(1)'], [], ['app.x(1)']],
    [['app.order.'], [], []],
    [['app.ORDERS'], [], []],
  ])('--include %j --exclude %j is %j', (include, exclude, expected) => {
    expect(chosen(include, exclude)).toEqual(expected);
  });

  test('without a pattern there is none, and everything is chosen', () => {
    expect(namespaceFilter({ include: [], exclude: [] })).toBeNull();
    expect(chosen([])).toHaveLength(all.length);
  });

  test.each([
    ['orders', []],
    ['.orders', []],
    ['app.', []],
    ['', []],
  ])('%j is refused with the option and an example', (pattern) => {
    const refused = (option: string) =>
      expect.objectContaining({
        code: 'usage',
        message: `--${option} ${pattern}: it is no DATABASE.COLLECTION`,
        hint: expect.stringContaining(`--${option} app.sessions`),
      });
    expect(() => namespaceFilter({ include: [pattern], exclude: [] })).toThrow(refused('include'));
    expect(() => namespaceFilter({ include: [], exclude: [pattern] })).toThrow(refused('exclude'));
  });
});

describe('what it chooses of a database', () => {
  test('is everything without a filter, even of nothing', () => {
    expect(choose(null, [], 'x')).toEqual([]);
    expect(choose(null, all, 'x')).toBe(all);
  });

  test('an included pattern that matches nothing is an error that names what there is', () => {
    expect(() => choose({ include: ['app.orders', 'app.oders'], exclude: [] }, all, 'backup 1')).toThrow(
      expect.objectContaining({
        code: 'not-found',
        message: '--include app.oders matches nothing in backup 1',
        hint: 'there are app.orders, app.order_lines, app.a.b, crm.orders, app.x(1)',
      }),
    );
  });

  test('so is one that leaves nothing, and one over nothing', () => {
    expect(() => choose({ include: [], exclude: ['*.*'] }, all, 'the database')).toThrow(
      '--exclude *.* leaves nothing of the database',
    );
    expect(() => choose({ include: [], exclude: ['app.x'] }, [], 'the database')).toThrow(
      expect.objectContaining({ hint: 'there is nothing in it' }),
    );
  });

  test('an excluded pattern that matches nothing is none: what it is to keep out may come later', () => {
    expect(choose({ include: [], exclude: ['app.later'] }, all, 'x')).toEqual(all);
  });
});

test('is said as it would be typed', () => {
  expect(filterText({ include: ['a.b', 'c.*'], exclude: ['c.d'] })).toBe('--include a.b --include c.* --exclude c.d');
});
