import { describe, expect, test } from 'vitest';
import { parseRendered } from '../../../src/compose/parse-rendered.ts';

const parse = (services: unknown, more: object = {}) =>
  parseRendered(JSON.stringify({ name: 'app', services, ...more }));
const one = (service: object, more: object = {}) => {
  const { a } = parse({ a: { image: 'x', ...service } }, more).services;
  if (a === undefined) throw new Error('no service');
  return a;
};

describe('a service', () => {
  test('has the defaults of Compose', () => {
    expect(one({})).toEqual({
      ...{ name: 'a', image: 'x', build: false, dependsOn: {}, ports: [], bindFiles: [], volumes: [], command: [] },
      ...{ environment: {}, hasHealthcheck: false, stopGraceMs: 10_000, networks: [], networkMode: null },
      ...{ restart: 'no', profiles: [], replicas: 1 },
    });
  });

  test('that is only built has the default name of its image', () => {
    expect(parse({ web: { build: { context: '/x' } } }).services.web).toMatchObject({
      build: true,
      image: 'app-web',
    });
  });

  test('has dollars where the document has two', () => {
    expect(one({ command: ['echo', '$$HOME'], environment: { A: 'x$$y', B: null, C: 1 } })).toMatchObject({
      command: ['echo', '$HOME'],
      environment: { A: 'x$y', B: null, C: '1' },
    });
  });

  test.each([
    [
      { target: 80, published: '8080', protocol: 'tcp' },
      [{ hostIp: null, published: 8080, target: 80, protocol: 'tcp' }],
    ],
    [
      { target: 80, published: 8080, host_ip: '127.0.0.1' },
      [{ hostIp: '127.0.0.1', published: 8080, target: 80, protocol: 'tcp' }],
    ],
    [
      { target: 80, published: '80', host_ip: '0.0.0.0' },
      [{ hostIp: null, published: 80, target: 80, protocol: 'tcp' }],
    ],
    [
      { target: 53, published: '53', protocol: 'udp', host_ip: '::' },
      [{ hostIp: null, published: 53, target: 53, protocol: 'udp' }],
    ],
    [{ target: 80 }, [{ hostIp: null, published: 0, target: 80, protocol: 'tcp' }]],
    [{ target: 80, published: '1', protocol: 'sctp' }, []],
  ])('port %j', (port, expected) => {
    expect(one({ ports: [port] }).ports).toEqual(expected);
  });

  test('a range of ports is each of them', () => {
    expect(one({ ports: [{ target: 80, published: '3000-3002' }] }).ports.map(({ published }) => published)).toEqual([
      3000, 3001, 3002,
    ]);
  });

  test('volumes have full names, bind mounts, configs and secrets are files of the host', () => {
    const volumes = [
      { type: 'volume', source: 'data', target: '/d' },
      { type: 'volume', target: '/anonymous' },
      { type: 'bind', source: '/srv/$$x', target: '/x' },
      { type: 'tmpfs', target: '/t' },
    ];
    const found = one(
      { volumes, configs: [{ source: 'c' }, { source: 'inline' }], secrets: ['s'] },
      {
        volumes: { data: { name: 'app_data' } },
        configs: { c: { file: '/srv/c' }, inline: { content: 'x' } },
        secrets: { s: { file: '/srv/s' } },
      },
    );
    expect(found.volumes).toEqual([{ name: 'app_data', target: '/d' }]);
    expect(found.bindFiles).toEqual(['/srv/$x', '/srv/c', '/srv/s']);
  });

  test('networks have full names', () => {
    const networks = { back: { name: 'app_back' }, shared: { name: 'proxy', external: true } };
    expect(one({ networks: { back: null, shared: {} } }, { networks }).networks).toEqual(['app_back', 'proxy']);
    expect(one({ network_mode: 'host' }).networkMode).toBe('host');
  });

  test.each([
    [undefined, false],
    [{ test: ['CMD', 'true'] }, true],
    [{ test: ['NONE'] }, false],
    [{ disable: true, test: ['CMD', 'true'] }, false],
    [{ interval: '1s' }, false],
  ])('healthcheck %j: %s', (healthcheck, expected) => {
    expect(one({ healthcheck }).hasHealthcheck).toBe(expected);
  });

  test.each([
    [{ restart: 'always' }, 'always'],
    [{ restart: 'on-failure:3', deploy: { restart_policy: { condition: 'any' } } }, 'on-failure:3'],
    [{ deploy: { restart_policy: { condition: 'any' } } }, 'always'],
    [{ deploy: { restart_policy: {} } }, 'always'],
    [{ deploy: { restart_policy: { condition: 'none' } } }, 'no'],
    [{ deploy: { restart_policy: { condition: 'on-failure', max_attempts: 2 } } }, 'on-failure:2'],
    [{ deploy: { restart_policy: { condition: 'on-failure' } } }, 'on-failure'],
    [{ deploy: { restart_policy: { condition: 'unless-stopped' } } }, 'unless-stopped'],
  ])('%j restarts %s', (fields, expected) => {
    expect(one(fields).restart).toBe(expected);
  });

  test.each([
    [{ scale: 3 }, 3],
    [{ deploy: { replicas: 2 } }, 2],
    [{ deploy: { replicas: 0 } }, 0],
  ])('%j has %i containers', (fields, expected) => {
    expect(one(fields).replicas).toBe(expected);
  });

  test('waits for others, as Compose says', () => {
    const depends_on = {
      b: { condition: 'service_healthy', required: true },
      c: { condition: 'service_completed_successfully', required: false, restart: true },
      d: { condition: 'service_started' },
    };
    expect(one({ depends_on, stop_grace_period: '1m30s' })).toMatchObject({
      dependsOn: {
        b: { condition: 'service_healthy', required: true },
        c: { condition: 'service_completed_successfully', required: false },
        d: { condition: 'service_started', required: true },
      },
      stopGraceMs: 90_000,
    });
  });
});

test('variables that configs and secrets take their value from are named', () => {
  const sources = { configs: { c: { environment: 'C' }, f: { file: '/f' } }, secrets: { s: { environment: 'S' } } };
  expect(parse({}, sources).sourceVariables).toEqual(['C', 'S']);
});

test('fields that a newer Compose adds do no harm', () => {
  expect(() =>
    one({ provider: { type: 'x' }, models: {}, ports: [{ target: 1, name: 'n', app_protocol: 'http' }] }),
  ).not.toThrow();
});

test.each([
  ['no JSON', '{', 'is not JSON'],
  ['no name', '{}', 'name'],
  [
    'a port without target',
    JSON.stringify({ name: 'x', services: { a: { ports: [{}] } } }),
    'services.a.ports.0.target',
  ],
])('%s is refused, and the field is named', (_, text, words) => {
  expect(() => parseRendered(text)).toThrow(
    expect.objectContaining({ code: 'compose-invalid', message: expect.stringContaining(words) }),
  );
});
