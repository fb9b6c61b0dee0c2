import type { ContainerState } from '../../../src/compose/engine.ts';
import type { RenderedService } from '../../../src/compose/rendered.ts';

/** A service as `renderProject` gives it; `needs`: what it depends on. */
export const service = (
  name: string,
  needs: readonly string[] = [],
  fields: Partial<RenderedService> = {},
): RenderedService => ({
  name,
  image: `${name}:1`,
  build: false,
  dependsOn: Object.fromEntries(
    needs.map((other) => [other, { condition: 'service_healthy' as const, required: true }]),
  ),
  ports: [],
  bindFiles: [],
  volumes: [],
  command: [],
  environment: {},
  hasHealthcheck: false,
  stopGraceMs: 10_000,
  networks: ['app_default'],
  networkMode: null,
  restart: 'no',
  profiles: [],
  replicas: 1,
  hash: `hash-${name}`,
  hashAlone: needs.length > 0 ? `alone-${name}` : `hash-${name}`,
  ...fields,
});

export const byName = (...services: readonly RenderedService[]): Readonly<Record<string, RenderedService>> =>
  Object.fromEntries(services.map((each) => [each.name, each]));

export const tcp = (published: number, target: number, hostIp: string | null = null) => ({
  ...{ published, target, hostIp },
  protocol: 'tcp' as const,
});

/** A running container of a service, on one bridge. */
export const container = (name: string, fields: Partial<ContainerState> = {}): ContainerState => ({
  id: `${name}`.padEnd(64, '0'),
  name: `app-${name}-1`,
  service: name,
  number: 1,
  image: `${name}:1`,
  imageId: `sha256:${name}`,
  state: 'running',
  health: null,
  restartCount: 0,
  startedAt: '2026-01-01T00:00:00Z',
  exitCode: 0,
  oomKilled: false,
  restartPolicy: 'no',
  configHash: `hash-${name}`,
  configFiles: ['/srv/app/compose.yml'],
  workingDirectory: '/srv/app',
  oneOff: false,
  labels: {},
  networks: [{ id: 'n1', name: 'app_default', driver: 'bridge', ipv4: '172.18.0.2', ipv6: null, aliases: [name] }],
  ports: [],
  mounts: [],
  pid: 100,
  hostNetwork: false,
  ...fields,
});
