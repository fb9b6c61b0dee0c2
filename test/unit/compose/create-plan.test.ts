import { describe, expect, test } from 'vitest';
import { type CreateFacts, hasSameDefinition, planCreate } from '../../../src/compose/create-plan.ts';
import { byName, container, service } from './fixtures.ts';

const rendered = { services: byName(service('nginx', ['api']), service('api', ['mongo']), service('mongo')) };
const imageIds = new Map(['nginx', 'api', 'mongo'].map((name) => [`${name}:1`, `sha256:${name}`]));
const containers = ['nginx', 'api', 'mongo'].map((name) => container(name));
const facts = (fields: Partial<CreateFacts>): CreateFacts => ({
  ...{ rendered, containers, imageIds, services: ['api'], recreate: 'always' as const },
  ...fields,
});
const replacing = (name: string, fields: Parameters<typeof container>[1]) =>
  containers.map((each) => (each.service === name ? container(name, fields) : each));

describe('what is replaced', () => {
  test('always: what is named, and nothing else', () => {
    expect(planCreate(facts({}))).toEqual([{ services: ['api'], recreate: 'always', dependencies: true }]);
  });

  test('never: nothing that is there', () => {
    expect(planCreate(facts({ recreate: 'never', containers: replacing('api', { configHash: 'old' }) }))).toEqual([]);
  });

  test('changed: nothing while definition and image are the same', () => {
    expect(planCreate(facts({ recreate: 'changed', services: ['nginx', 'api', 'mongo'] }))).toEqual([]);
    expect(
      planCreate(facts({ recreate: 'changed', containers: replacing('api', { configHash: 'alone-api' }) })),
    ).toEqual([]);
  });

  test.each([
    ['definition', { configHash: 'old' }],
    ['image', { imageId: 'sha256:old' }],
  ])('changed: what has another %s', (_, fields) => {
    const calls = planCreate(
      facts({ recreate: 'changed', services: ['api', 'mongo'], containers: replacing('api', fields) }),
    );
    expect(calls).toEqual([{ services: ['api'], recreate: 'always', dependencies: true }]);
  });

  test('what is missing is created first, whatever the mode', () => {
    const absent = containers.filter((each) => each.service !== 'api');
    expect(planCreate(facts({ recreate: 'never', containers: absent }))).toEqual([
      { services: ['api'], recreate: 'never', dependencies: true },
    ]);
    expect(planCreate(facts({ services: ['nginx', 'api'], containers: absent }))).toEqual([
      { services: ['api'], recreate: 'never', dependencies: true },
      { services: ['nginx'], recreate: 'always', dependencies: true },
    ]);
  });

  test('a one-off container is not the service', () => {
    expect(planCreate(facts({ containers: replacing('api', { oneOff: true }) }))).toEqual([
      { services: ['api'], recreate: 'never', dependencies: true },
    ]);
  });
});

describe('dependencies are followed only where that does nothing to them', () => {
  const follows = (fields: Partial<CreateFacts>) => planCreate(facts(fields)).map(({ dependencies }) => dependencies);

  test.each([
    ['has another definition', { configHash: 'old' }],
    ['has a container without the dependencies in its hash', { configHash: 'alone' }],
    ['has an image that moved', { imageId: 'sha256:old' }],
    ['has too many containers for its scale', null],
  ])('not when a dependency %s', (_, fields) => {
    const now = fields === null ? [...containers, container('mongo', { number: 2 })] : replacing('mongo', fields);
    expect(follows({ containers: now })).toEqual([false]);
  });

  test('not when a dependency has no container', () => {
    expect(follows({ containers: containers.filter(({ service: name }) => name !== 'mongo') })).toEqual([false]);
  });

  test('through dependencies of dependencies', () => {
    expect(follows({ services: ['nginx'], containers: replacing('mongo', { configHash: 'old' }) })).toEqual([false]);
    expect(follows({ services: ['nginx'] })).toEqual([true]);
  });

  test('a dependency that is replaced too does not count', () => {
    expect(follows({ services: ['api', 'mongo'], containers: replacing('mongo', { configHash: 'old' }) })).toEqual([
      true,
    ]);
  });

  test('never where Compose does not count them in the hash', () => {
    const newer = { services: byName(service('api', ['mongo'], { hashAlone: 'hash-api' }), service('mongo')) };
    expect(follows({ rendered: newer })).toEqual([false]);
  });
});

test('either hash is the same definition', () => {
  const api = { hash: 'a', hashAlone: 'b' };
  expect(['a', 'b', 'c'].map((configHash) => hasSameDefinition(api, { configHash }))).toEqual([true, true, false]);
});
