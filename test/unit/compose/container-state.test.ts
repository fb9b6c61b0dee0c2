import { describe, expect, test } from 'vitest';
import { containerState } from '../../../src/compose/container-state.ts';

const inspected = (
  fields: { State?: object; HostConfig?: object; NetworkSettings?: object; Labels?: object } = {},
) => ({
  Id: 'a'.repeat(64),
  Name: '/app-api-2',
  Image: 'sha256:1',
  RestartCount: 3,
  Config: {
    Image: 'redis:7',
    Labels: {
      'com.docker.compose.service': 'api',
      'com.docker.compose.container-number': '2',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.config-hash': 'h',
      'com.docker.compose.project.config_files': '/srv/a.yml,/srv/b.yml',
      'com.docker.compose.project.working_dir': '/srv',
      ...fields.Labels,
    },
  },
  State: { Status: 'running', Pid: 7, ExitCode: 0, OOMKilled: false, StartedAt: 't', ...fields.State },
  HostConfig: {
    NetworkMode: 'app_default',
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 5 },
    ...fields.HostConfig,
  },
  NetworkSettings: {
    Ports: {},
    Networks: {
      app_default: {
        NetworkID: 'n1',
        IPAddress: '172.18.0.2',
        GlobalIPv6Address: '',
        Aliases: ['api'],
        DNSNames: ['api', 'x'],
      },
    },
    ...fields.NetworkSettings,
  },
  Mounts: [
    { Type: 'volume', Name: 'v', Source: '/var/v', Destination: '/v' },
    { Type: 'bind', Source: '/srv/x', Destination: '/x' },
  ],
});
const read = (fields?: Parameters<typeof inspected>[0]) =>
  containerState(inspected(fields), new Map([['n1', 'bridge']]));

test('what the engine says is put into our words', () => {
  expect(read()).toMatchObject({
    ...{
      name: 'app-api-2',
      service: 'api',
      number: 2,
      image: 'redis:7',
      imageId: 'sha256:1',
      state: 'running',
      health: null,
    },
    ...{
      restartCount: 3,
      restartPolicy: 'on-failure:5',
      configHash: 'h',
      oneOff: false,
      pid: 7,
      hostNetwork: false,
      ports: [],
    },
    configFiles: ['/srv/a.yml', '/srv/b.yml'],
    workingDirectory: '/srv',
    networks: [
      { id: 'n1', name: 'app_default', driver: 'bridge', ipv4: '172.18.0.2', ipv6: null, aliases: ['api', 'x'] },
    ],
    mounts: [
      { type: 'volume', name: 'v', source: '/var/v', destination: '/v' },
      { type: 'bind', name: null, source: '/srv/x', destination: '/x' },
    ],
  });
});

describe('ports', () => {
  const binding = (HostIp: string, HostPort: string) => ({ HostIp, HostPort });

  test('everywhere on v4 and v6 is one port, exposed ones are none', () => {
    const Ports = {
      '80/tcp': [binding('0.0.0.0', '8080'), binding('::', '8080')],
      '81/tcp': null,
      '53/udp': [binding('127.0.0.1', '5353')],
    };
    expect(read({ NetworkSettings: { Ports, Networks: {} } }).ports).toEqual([
      { hostIp: null, published: 8080, target: 80, protocol: 'tcp' },
      { hostIp: '127.0.0.1', published: 5353, target: 53, protocol: 'udp' },
    ]);
  });

  test('of a container that does not run are those it will have', () => {
    const HostConfig = { PortBindings: { '80/tcp': [binding('', '8080')], '9/sctp': [binding('', '9')] } };
    expect(read({ HostConfig, State: { Status: 'created' } }).ports).toEqual([
      { hostIp: null, published: 8080, target: 80, protocol: 'tcp' },
    ]);
  });
});

test.each([
  [{ State: { Health: { Status: 'healthy' } } }, { health: 'healthy' }],
  [{ State: { Health: { Status: 'none' } } }, { health: null }],
  [{ Labels: { 'com.docker.compose.oneoff': 'True' } }, { oneOff: true }],
  [{ HostConfig: { NetworkMode: 'host' } }, { hostNetwork: true }],
  [{ HostConfig: { RestartPolicy: { Name: '' } } }, { restartPolicy: 'no' }],
  [{ HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } } }, { restartPolicy: 'always' }],
  [
    { State: { Status: 'exited', ExitCode: 137, OOMKilled: true } },
    { state: 'exited', exitCode: 137, oomKilled: true },
  ],
])('%j', (fields, expected) => {
  expect(read(fields)).toMatchObject(expected);
});

test('an engine that answers otherwise is told by the field', () => {
  expect(() => containerState({ ...inspected(), Image: 5 }, new Map())).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('Image') }),
  );
});
