import { describe, expect, test } from 'vitest';
import { reach } from '../../../src/compose/address.ts';
import { container, tcp } from './fixtures.ts';

const here = { local: true, rootless: false, host: '127.0.0.1' };
const rootless = { ...here, rootless: true };
const remote = { local: false, rootless: false, host: '10.9.8.7' };
const network = (fields: Partial<ReturnType<typeof container>['networks'][number]>) => ({
  ...{ id: 'n', name: 'n', driver: 'bridge', ipv4: '172.19.0.9', ipv6: null, aliases: [] },
  ...fields,
});

const api = container('api', { ports: [tcp(3000, 8080)] });
const mongo = container('mongo', {
  networks: [network({ ipv4: '172.18.0.3', aliases: ['mongo', 'db.internal'] })],
  ports: [tcp(27018, 27017, '127.0.0.1')],
});
const redis = container('redis');
const own = new Set(['192.168.1.5', 'fd00::5']);
const at = (host: string, port: number, engine: Parameters<typeof reach>[2] = here, containers = [api, mongo, redis]) =>
  reach({ host, port }, containers, engine, own);

describe('a name of a container', () => {
  test.each(['mongo', 'MONGO', 'db.internal', 'app-mongo-1', 'mongo0000000'])('%s is its address', (host) => {
    expect(at(host, 27017)).toEqual({ host: '172.18.0.3', port: 27017, via: 'container-address', service: 'mongo' });
  });

  test.each([
    ['rootless', rootless, '127.0.0.1'],
    ['remote', { ...remote }, '127.0.0.1'],
  ])('%s: its published port, where it listens on one address', (_, engine, host) => {
    expect(at('mongo', 27017, engine)).toEqual({ host, port: 27018, via: 'published-port', service: 'mongo' });
  });

  test("a remote engine's port that listens everywhere is on that machine", () => {
    expect(at('api', 8080, remote)).toEqual({ host: '10.9.8.7', port: 3000, via: 'published-port', service: 'api' });
  });

  test('out of reach and not published: as given, with the service', () => {
    expect(at('redis', 6379, rootless)).toEqual({ host: 'redis', port: 6379, via: 'as-given', service: 'redis' });
  });

  test('of several networks a bridge with an address is taken', () => {
    const networks = [
      network({ driver: 'macvlan', ipv4: '10.0.0.2' }),
      network({ ipv4: null }),
      network({ ipv4: '172.20.0.7', ipv6: 'fd01::7' }),
    ];
    expect(at('x', 1, here, [container('x', { networks })]).host).toBe('172.20.0.7');
    expect(at('x', 1, here, [container('x', { networks: networks.slice(0, 2) })]).host).toBe('10.0.0.2');
    expect(at('x', 1, here, [container('x', { networks: [network({ ipv4: null, ipv6: 'fd01::7' })] })]).host).toBe(
      'fd01::7',
    );
  });

  test("on the host's own network it is the host", () => {
    const host = container('api', { hostNetwork: true, networks: [network({ driver: 'host', ipv4: null })] });
    expect(at('api', 3000, here, [host])).toEqual({
      host: '127.0.0.1',
      port: 3000,
      via: 'published-port',
      service: 'api',
    });
  });

  test('of several replicas the first that runs is taken; a one-off container never is', () => {
    const replicas = [
      container('w', { number: 3, networks: [network({ ipv4: '172.18.0.33' })] }),
      container('w', { number: 2, networks: [network({ ipv4: '172.18.0.22' })] }),
      container('w', { number: 1, state: 'exited' }),
      container('w', { number: 0, oneOff: true }),
    ];
    expect(at('w', 1, here, replicas).host).toBe('172.18.0.22');
  });

  test('of a container that does not run there is no address, and that is said', () => {
    expect(() => at('w', 80, here, [container('w', { state: 'exited' })])).toThrow(
      expect.objectContaining({
        code: 'check-failed',
        message: expect.stringMatching(/w:80 .*app-w-1 is not running \(exited\)/),
      }),
    );
  });
});

describe('an address of this machine', () => {
  test.each(['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]', '0.0.0.0', '192.168.1.5', 'fd00::5'])(
    '%s with a published port is the container behind it',
    (host) => {
      expect(at(host, 3000)).toEqual({ host: '172.18.0.2', port: 8080, via: 'container-address', service: 'api' });
    },
  );

  test('a port published on the loopback is not on another address', () => {
    expect(at('localhost', 27018)).toMatchObject({ host: '172.18.0.3', port: 27017, service: 'mongo' });
    expect(at('192.168.1.5', 27018)).toEqual({ host: '192.168.1.5', port: 27018, via: 'as-given', service: null });
  });

  test('a port that nothing publishes is as given', () => {
    expect(at('localhost', 9999)).toEqual({ host: 'localhost', port: 9999, via: 'as-given', service: null });
  });

  test('a UDP port is not a TCP port', () => {
    const udp = container('dns', { ports: [{ ...tcp(5353, 53), protocol: 'udp' }] });
    expect(at('localhost', 5353, here, [udp])).toMatchObject({ via: 'as-given', service: null });
  });

  test('a container that publishes it but does not run is no reason to dial what else may be there', () => {
    const stopped = container('api', { state: 'exited', ports: [tcp(3000, 8080)] });
    expect(() => at('localhost', 3000, here, [stopped])).toThrow(/localhost:3000 is api, and app-api-1 is not running/);
  });

  test("the only service on the host's network is named", () => {
    const host = container('api', { hostNetwork: true });
    expect(at('localhost', 3000, here, [host])).toEqual({
      host: 'localhost',
      port: 3000,
      via: 'as-given',
      service: 'api',
    });
    const two = [host, container('b', { hostNetwork: true })];
    expect(at('localhost', 3000, here, two).service).toBeNull();
  });

  test('rootless: the published port itself', () => {
    expect(at('localhost', 3000, rootless)).toEqual({
      host: '127.0.0.1',
      port: 3000,
      via: 'published-port',
      service: 'api',
    });
  });
});

test.each(['db.example.com', '203.0.113.9', 'host.docker.internal'])('%s is as given', (host) => {
  expect(at(host, 3000)).toEqual({ host, port: 3000, via: 'as-given', service: null });
});
