import { describe, expect, test } from 'vitest';
import { adoptContainer, type ComposeDocument, keepServices } from '../../../src/deploy/adopt.ts';

const ID = 'f'.repeat(64);

/** What `docker inspect` says of a container that Compose made, as far as it is read. */
const inspected = (
  parts: {
    readonly Config?: object;
    readonly HostConfig?: object;
    readonly Mounts?: readonly object[];
    readonly Networks?: object;
    readonly Name?: string;
  } = {},
) => ({
  Id: ID,
  Name: parts.Name ?? '/shop-api-1',
  Image: 'sha256:abc',
  Config: {
    Image: 'api:v1',
    Hostname: ID.slice(0, 12),
    Labels: {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'api',
      'com.docker.compose.container-number': '1',
    },
    ...parts.Config,
  },
  HostConfig: { NetworkMode: 'shop_default', ...parts.HostConfig },
  Mounts: parts.Mounts ?? [],
  NetworkSettings: { Networks: parts.Networks ?? { shop_default: { Aliases: ['api'], IPAMConfig: null } } },
});

const adopted = (parts: Parameters<typeof inspected>[0], document: Partial<ComposeDocument> = {}) => {
  const whole: ComposeDocument = { services: {}, networks: { default: { name: 'shop_default' } }, ...document };
  adoptContainer(whole, 'api', inspected(parts));
  return { service: whole.services.api ?? {}, document: whole };
};

describe('a service rebuilt from its container', () => {
  test('names the image by its id, and leaves out what Compose and the engine give by themselves', () => {
    expect(adopted({}).service).toEqual({ image: 'sha256:abc', restart: 'no', networks: { default: {} } });
  });

  test('has the names that were chosen for it', () => {
    const { service } = adopted({ Name: '/the-api', Config: { Hostname: 'api.lan', Domainname: 'lan' } });
    expect(service).toMatchObject({ container_name: 'the-api', hostname: 'api.lan', domainname: 'lan' });
    expect(adopted({ Name: '/shop_api_1' }).service).not.toHaveProperty('container_name');
  });

  test('doubles dollar signs, which would be variables', () => {
    const { service } = adopted({
      Config: { Env: ['PASSWORD=pa$$w$HOME', 'EMPTY=', 'UNSET'], Cmd: ['sh', '-c', 'echo $HOME'] },
      Mounts: [{ Type: 'bind', Source: '/srv/$x', Destination: '/x', RW: false }],
    });
    expect(service).toMatchObject({
      environment: { PASSWORD: 'pa$$$$w$$HOME', EMPTY: '', UNSET: null },
      command: ['sh', '-c', 'echo $$HOME'],
      volumes: [{ type: 'bind', source: '/srv/$$x', target: '/x', read_only: true }],
    });
  });

  test('uses the volumes and networks of the document by their keys, and others as external ones', () => {
    const { service, document } = adopted(
      {
        Mounts: [
          { Type: 'volume', Name: 'shop_data', Source: '/var/lib/docker/x', Destination: '/data', RW: true },
          { Type: 'volume', Name: 'elsewhere', Source: '/var/lib/docker/y', Destination: '/more', RW: true },
          { Type: 'tmpfs', Source: '', Destination: '/tmp', RW: true },
        ],
        Networks: {
          shop_default: { IPAMConfig: { IPv4Address: '172.20.0.9' } },
          proxy: { IPAMConfig: null },
        },
      },
      { volumes: { data: { name: 'shop_data' } } },
    );
    expect(service.volumes).toEqual([
      { type: 'volume', source: 'data', target: '/data' },
      { type: 'volume', source: 'elsewhere', target: '/more' },
    ]);
    expect(service.networks).toEqual({ default: { ipv4_address: '172.20.0.9' }, proxy: {} });
    expect(document.volumes).toEqual({
      data: { name: 'shop_data' },
      elsewhere: { name: 'elsewhere', external: true },
    });
    expect(document.networks).toEqual({
      default: { name: 'shop_default' },
      proxy: { name: 'proxy', external: true },
    });
  });

  test.each(['host', 'none', 'container:abc', 'service:db'])('keeps the network mode %s, without networks', (mode) => {
    const { service } = adopted({ HostConfig: { NetworkMode: mode } });
    expect(service.network_mode).toBe(mode);
    expect(service).not.toHaveProperty('networks');
  });

  test('publishes the same ports on the same addresses', () => {
    const PortBindings = {
      '3000/tcp': [
        { HostIp: '127.0.0.1', HostPort: '3000' },
        { HostIp: '', HostPort: '3001' },
      ],
      '53/udp': [{ HostIp: '', HostPort: '53' }],
      '9/tcp': null,
    };
    expect(adopted({ HostConfig: { PortBindings } }).service.ports).toEqual([
      { target: 3000, published: '3000', host_ip: '127.0.0.1', protocol: 'tcp', mode: 'ingress' },
      { target: 3000, published: '3001', protocol: 'tcp', mode: 'ingress' },
      { target: 53, published: '53', protocol: 'udp', mode: 'ingress' },
    ]);
  });

  test.each([
    [{ Name: 'on-failure', MaximumRetryCount: 3 }, 'on-failure:3'],
    [{ Name: 'on-failure', MaximumRetryCount: 0 }, 'on-failure'],
    [{ Name: 'unless-stopped', MaximumRetryCount: 0 }, 'unless-stopped'],
  ])('restart policy %j', (RestartPolicy, restart) => {
    expect(adopted({ HostConfig: { RestartPolicy } }).service.restart).toBe(restart);
  });

  test('has the same health check and limits, in the units of a compose file', () => {
    const { service } = adopted({
      Config: {
        Healthcheck: { Test: ['CMD', 'true'], Interval: 5e9, Timeout: 1_500_000_000, Retries: 3 },
        StopTimeout: 30,
        Labels: { tier: 'back', 'com.docker.compose.oneoff': 'False' },
      },
      HostConfig: {
        ...{ Memory: 1000, MemorySwap: 2000, NanoCpus: 1.5e9, ShmSize: 64 * 1024 * 1024, IpcMode: 'private' },
        ...{ CapDrop: ['ALL'], ReadonlyRootfs: true, Tmpfs: { '/run': '', '/tmp': 'size=1m' } },
        Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      },
    });
    expect(service).toMatchObject({
      healthcheck: { test: ['CMD', 'true'], interval: '5000ms', timeout: '1500ms', retries: 3 },
      ...{ stop_grace_period: '30s', labels: { tier: 'back' }, mem_limit: 1000, cpus: 1.5, cap_drop: ['ALL'] },
      ...{ read_only: true, tmpfs: ['/run', '/tmp:size=1m'], ulimits: { nofile: { soft: 1, hard: 2 } } },
    });
    for (const byItself of ['memswap_limit', 'shm_size', 'ipc']) expect(service).not.toHaveProperty(byItself);
  });

  test('starts when the document says', () => {
    const depends_on = { db: { condition: 'service_healthy' } };
    expect(adopted({}, { services: { api: { image: 'other', depends_on } } }).service).toMatchObject({
      ...{ image: 'sha256:abc', depends_on },
    });
  });
});

test('services without a container are left out, and nobody waits for them', () => {
  const document: ComposeDocument = {
    services: {
      api: { image: 'api', depends_on: { db: { condition: 'service_healthy' }, debug: {} } },
      web: { image: 'web', depends_on: { api: {} } },
      ...{ db: { image: 'db' }, debug: { image: 'debug' } },
    },
  };
  keepServices(document, new Set(['api', 'db', 'web']));
  expect(document.services).toEqual({
    api: { image: 'api', depends_on: { db: { condition: 'service_healthy' } } },
    web: { image: 'web', depends_on: { api: {} } },
    db: { image: 'db' },
  });
});
