import { z } from 'zod';
import { DeployError } from '../errors.ts';
import type { ContainerState, ContainerStatus } from './engine.ts';
import { COMPOSE_LABELS } from './labels.ts';
import type { PublishedPort } from './rendered.ts';

// What we read of `docker inspect` (Engine API, ContainerInspect); whatever else is there is let through.
const bindings = z
  .record(
    z.string(),
    z.array(z.looseObject({ HostIp: z.string().nullish(), HostPort: z.string().nullish() })).nullish(),
  )
  .nullish();
const schema = z.looseObject({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.number().nullish(),
  Config: z.looseObject({ Image: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
  State: z.looseObject({
    Status: z.string(),
    Pid: z.number().nullish(),
    ExitCode: z.number().nullish(),
    OOMKilled: z.boolean().nullish(),
    StartedAt: z.string().nullish(),
    Health: z.looseObject({ Status: z.string() }).nullish(),
  }),
  HostConfig: z.looseObject({
    NetworkMode: z.string().nullish(),
    PortBindings: bindings,
    RestartPolicy: z.looseObject({ Name: z.string().nullish(), MaximumRetryCount: z.number().nullish() }).nullish(),
  }),
  NetworkSettings: z.looseObject({
    Ports: bindings,
    Networks: z
      .record(
        z.string(),
        z
          .looseObject({
            NetworkID: z.string().nullish(),
            IPAddress: z.string().nullish(),
            GlobalIPv6Address: z.string().nullish(),
            Aliases: z.array(z.string()).nullish(),
            DNSNames: z.array(z.string()).nullish(),
          })
          .nullable(),
      )
      .nullish(),
  }),
  Mounts: z
    .array(
      z.looseObject({
        Type: z.string(),
        Name: z.string().nullish(),
        Source: z.string().nullish(),
        Destination: z.string(),
        RW: z.boolean().nullish(),
      }),
    )
    .nullish(),
});
type Inspected = z.infer<typeof schema>;

/**
 * One element of `docker inspect`, in our words.
 *
 * @param drivers - network id -> driver
 * @throws DeployError 'unsupported' naming the field, for an engine that answers otherwise
 */
export const containerState = (inspected: unknown, drivers: ReadonlyMap<string, string>): ContainerState => {
  const found = schema.safeParse(inspected);
  if (!found.success) {
    const [issue] = found.error.issues;
    throw new DeployError(
      'unsupported',
      `docker inspect is not as expected: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  const { data } = found;
  const { State: state, HostConfig: host } = data;
  const labels = data.Config.Labels ?? {};
  return {
    id: data.Id,
    name: data.Name.replace(/^\//, ''),
    service: labels[COMPOSE_LABELS.service] ?? '',
    number: Number(labels[COMPOSE_LABELS.number] ?? 1),
    image: data.Config.Image,
    imageId: data.Image,
    state: state.Status as ContainerStatus,
    health: healthOf(state.Health?.Status),
    restartCount: data.RestartCount ?? 0,
    startedAt: state.StartedAt ?? '',
    exitCode: state.ExitCode ?? 0,
    oomKilled: state.OOMKilled ?? false,
    restartPolicy: restartPolicy(host.RestartPolicy),
    configHash: labels[COMPOSE_LABELS.configHash] ?? '',
    configFiles: (labels[COMPOSE_LABELS.configFiles] ?? '').split(',').filter(Boolean),
    workingDirectory: labels[COMPOSE_LABELS.workingDirectory] ?? '',
    oneOff: labels[COMPOSE_LABELS.oneOff]?.toLowerCase() === 'true',
    labels,
    networks: Object.entries(data.NetworkSettings.Networks ?? {}).map(([name, network]) => ({
      id: network?.NetworkID ?? '',
      name,
      driver: drivers.get(network?.NetworkID ?? '') ?? '',
      ipv4: network?.IPAddress || null,
      ipv6: network?.GlobalIPv6Address || null,
      aliases: [...new Set([...(network?.Aliases ?? []), ...(network?.DNSNames ?? [])])],
    })),
    ports: publishedPorts(data),
    mounts: (data.Mounts ?? []).map(({ Type, Name, Source, Destination, RW }) => ({
      type: Type,
      name: Type === 'volume' ? (Name ?? null) : null,
      source: Source ?? '',
      destination: Destination,
      writable: RW ?? true,
    })),
    pid: state.Pid ?? 0,
    hostNetwork: host.NetworkMode === 'host',
  };
};

const healthOf = (status: string | undefined): ContainerState['health'] =>
  status === 'healthy' || status === 'unhealthy' || status === 'starting' ? status : null;

const restartPolicy = (policy: Inspected['HostConfig']['RestartPolicy']): string => {
  const name = policy?.Name || 'no';
  const retries = policy?.MaximumRetryCount ?? 0;
  return name === 'on-failure' && retries > 0 ? `on-failure:${retries}` : name;
};

/** What is published now, or, of a container that does not run, what will be. The v4 and v6 halves of "everywhere" are one. */
const publishedPorts = ({ NetworkSettings: network, HostConfig: host }: Inspected): readonly PublishedPort[] => {
  const now = Object.values(network.Ports ?? {}).some((each) => (each ?? []).length > 0);
  const ports = Object.entries((now ? network.Ports : host.PortBindings) ?? {}).flatMap(([key, targets]) => {
    const [target, protocol] = key.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    return (targets ?? []).map(
      ({ HostIp, HostPort }): PublishedPort => ({
        hostIp: HostIp && HostIp !== '0.0.0.0' && HostIp !== '::' ? HostIp : null,
        published: Number(HostPort ?? 0),
        target: Number(target),
        protocol,
      }),
    );
  });
  return [...new Map(ports.map((port) => [JSON.stringify(port), port])).values()];
};
