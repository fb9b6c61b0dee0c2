import { describe, expect, test } from 'vitest';
import { dependenciesOfAll, dependencyLevels, dependentsOf } from '../../../src/compose/graph.ts';
import { byName, service } from './fixtures.ts';

const kaleem = byName(
  service('nginx', ['api', 'frontend']),
  service('frontend', ['api']),
  service('api', ['mongo', 'redis', 'qdrant', 'rabbitmq']),
  service('rabbitmq'),
  service('qdrant'),
  service('redis'),
  service('mongo'),
);

describe('levels', () => {
  test('services start after what they need, those of a level together', () => {
    expect(dependencyLevels(kaleem, null)).toEqual([
      ['rabbitmq', 'qdrant', 'redis', 'mongo'],
      ['api'],
      ['frontend'],
      ['nginx'],
    ]);
  });

  test('a diamond is entered once, at its deepest', () => {
    const diamond = byName(service('d', ['b', 'c']), service('c', ['b']), service('b', ['a']), service('a'));
    expect(dependencyLevels(diamond, null)).toEqual([['a'], ['b'], ['c'], ['d']]);
  });

  test('no services, no levels', () => {
    expect(dependencyLevels({}, null)).toEqual([]);
  });

  test('an optional dependency that is not in the project is ignored', () => {
    const optional = service('api', ['debug'], {
      dependsOn: { debug: { condition: 'service_started', required: false } },
    });
    expect(dependencyLevels(byName(optional), null)).toEqual([['api']]);
  });

  test.each([
    ['a -> b -> c -> a', byName(service('a', ['b']), service('b', ['c']), service('c', ['a']))],
    ['a -> a', byName(service('a', ['a']))],
    ['b -> c -> b', byName(service('a', ['b']), service('b', ['c']), service('c', ['b']))],
  ])('a circle is named in full: %s', (cycle, services) => {
    expect(() => dependencyLevels(services, null)).toThrow(
      expect.objectContaining({ code: 'compose-invalid', message: expect.stringMatching(new RegExp(`: ${cycle}$`)) }),
    );
  });
});

describe('an order from the config', () => {
  const two = byName(service('api', ['mongo']), service('mongo'));

  test('replaces depends_on, one service a level', () => {
    expect(dependencyLevels(two, ['api', 'mongo'])).toEqual([['api'], ['mongo']]);
  });

  test.each([
    [['api', 'mongo', 'redsi'], 'redsi'],
    [['api', 'api', 'mongo'], 'api more than once'],
    [['api'], 'does not name mongo'],
  ])('%j is refused by name', (order, words) => {
    expect(() => dependencyLevels(two, order)).toThrow(
      expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(words) }),
    );
  });
});

describe('reachability', () => {
  test('dependents are found through others, without the service itself', () => {
    expect([...dependentsOf(kaleem, ['api'])].sort()).toEqual(['frontend', 'nginx']);
    expect([...dependentsOf(kaleem, ['nginx'])]).toEqual([]);
    expect([...dependentsOf(kaleem, ['mongo'])].sort()).toEqual(['api', 'frontend', 'nginx']);
  });

  test('one of several names is a dependent where it needs another', () => {
    expect([...dependentsOf(kaleem, ['api', 'frontend'])].sort()).toEqual(['frontend', 'nginx']);
  });

  test('dependencies are found through others', () => {
    expect([...dependenciesOfAll(kaleem, ['frontend'])].sort()).toEqual([
      'api',
      'mongo',
      'qdrant',
      'rabbitmq',
      'redis',
    ]);
    expect([...dependenciesOfAll(kaleem, ['mongo'])]).toEqual([]);
  });
});
