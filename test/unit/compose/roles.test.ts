import { describe, expect, test } from 'vitest';
import { workOutRoles } from '../../../src/compose/roles.ts';
import { byName, service, tcp } from './fixtures.ts';

const services = byName(
  service('nginx', ['frontend'], { ports: [tcp(80, 80)] }),
  service('frontend', ['api']),
  service('worker', ['rabbitmq', 'api']),
  service('api', ['mongo'], { ports: [tcp(3000, 3000)] }),
  service('rabbitmq', [], { ports: [tcp(15672, 15672)] }),
  service('mongo', [], { ports: [tcp(27018, 27017)] }),
);
const imageVariables = { api: ['KALEEM_API_IMAGE'], frontend: ['FRONT'], nginx: [], mongo: ['MONGO_IMAGE'] };
const rendered = { services, imageVariables };
const config = {
  images: ['KALEEM_API_IMAGE'],
  writers: null,
  edge: null,
  database: { uri: 'mongodb://user:p%40ss@mongo:27017/kaleem', name: 'kaleem' },
};

describe('roles worked out', () => {
  test('release services and what needs them write; what publishes and needs them is the edge', () => {
    expect(workOutRoles(rendered, config)).toEqual({
      edge: ['nginx'],
      writers: ['frontend', 'worker', 'api'],
      database: 'mongo',
      releaseServices: ['api'],
    });
  });

  test('a release service that publishes a port is a writer, not the edge', () => {
    const both = { services, imageVariables: { ...imageVariables, nginx: ['FRONT'] } };
    expect(workOutRoles(both, { ...config, images: ['KALEEM_API_IMAGE', 'FRONT'] })).toMatchObject({
      edge: [],
      writers: ['nginx', 'frontend', 'worker', 'api'],
    });
  });

  test('a UDP port does not make an edge', () => {
    const udp = service('nginx', ['api'], { ports: [{ ...tcp(53, 53), protocol: 'udp' }] });
    expect(workOutRoles({ ...rendered, services: { ...services, nginx: udp } }, config).edge).toEqual([]);
  });

  test('the database is never a writer, even when its image is released', () => {
    const roles = workOutRoles(rendered, { ...config, images: ['KALEEM_API_IMAGE', 'MONGO_IMAGE'] });
    expect(roles.releaseServices).toEqual(['api', 'mongo']);
    expect(roles.writers).not.toContain('mongo');
  });

  test.each([
    ['mongodb://mongo/kaleem', 'mongo'],
    ['mongodb://elsewhere.example.com,mongo:27017/?replicaSet=rs0', 'mongo'],
    ['mongodb://localhost:27018/kaleem', 'mongo'],
    ['mongodb://127.0.0.1:27018', 'mongo'],
    ['mongodb://localhost/kaleem', null],
    ['mongodb://db.example.com:27018', null],
    ['mongodb+srv://cluster.example.com/x', null],
    ['mongodb://mongo@other:1/x', null],
  ])('the database of %s is %s', (uri, database) => {
    expect(workOutRoles(rendered, { ...config, database: { uri, name: null } }).database).toBe(database);
  });

  test('without a database there is none', () => {
    expect(workOutRoles(rendered, { ...config, database: null }).database).toBeNull();
  });
});

describe('roles as configured', () => {
  test('writers are taken as they are, and the edge still worked out from them', () => {
    expect(workOutRoles(rendered, { ...config, writers: ['worker', 'api'] })).toMatchObject({
      edge: ['nginx'],
      writers: ['worker', 'api'],
    });
  });

  test('the edge is taken as it is', () => {
    expect(workOutRoles(rendered, { ...config, edge: ['frontend'] })).toMatchObject({
      edge: ['frontend'],
      writers: ['nginx', 'worker', 'api'],
    });
    expect(workOutRoles(rendered, { ...config, edge: [] }).writers).toContain('nginx');
  });

  test.each([
    [{ writers: ['apii'] }, '`writers` names apii'],
    [{ edge: ['ngnix'] }, '`edge` names ngnix'],
    [{ edge: ['api'], writers: ['api'] }, 'api: both edge and writer'],
    [{ writers: ['mongo'] }, 'mongo is the database'],
    [{ edge: ['mongo'] }, 'mongo is the database'],
  ])('%j is refused by name', (wrong, words) => {
    expect(() => workOutRoles(rendered, { ...config, ...wrong })).toThrow(
      expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(words) }),
    );
  });
});
