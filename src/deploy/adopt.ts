/** The parts of `docker inspect` that a compose service is rebuilt from. Everything may be missing. */
interface Inspected {
  readonly Id?: string;
  readonly Name?: string;
  readonly Image?: string;
  readonly Config?: {
    readonly Image?: string;
    readonly Cmd?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly User?: string;
    readonly WorkingDir?: string;
    readonly Hostname?: string;
    readonly Domainname?: string;
    readonly StopSignal?: string;
    readonly StopTimeout?: number;
    readonly Tty?: boolean;
    readonly OpenStdin?: boolean;
    readonly Healthcheck?: {
      readonly Test?: readonly string[];
      readonly Interval?: number;
      readonly Timeout?: number;
      readonly StartPeriod?: number;
      readonly StartInterval?: number;
      readonly Retries?: number;
    };
  };
  readonly HostConfig?: {
    readonly RestartPolicy?: { readonly Name?: string; readonly MaximumRetryCount?: number };
    readonly PortBindings?: Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>> | null;
    readonly Privileged?: boolean;
    readonly ReadonlyRootfs?: boolean;
    readonly CapAdd?: readonly string[] | null;
    readonly CapDrop?: readonly string[] | null;
    readonly ExtraHosts?: readonly string[] | null;
    readonly Memory?: number;
    readonly MemorySwap?: number;
    readonly MemoryReservation?: number;
    readonly NanoCpus?: number;
    readonly CpuShares?: number;
    readonly CpusetCpus?: string;
    readonly PidsLimit?: number | null;
    readonly ShmSize?: number;
    readonly OomScoreAdj?: number;
    readonly Init?: boolean | null;
    readonly PidMode?: string;
    readonly IpcMode?: string;
    readonly UsernsMode?: string;
    readonly SecurityOpt?: readonly string[] | null;
    readonly GroupAdd?: readonly string[] | null;
    readonly Dns?: readonly string[] | null;
    readonly DnsSearch?: readonly string[] | null;
    readonly DnsOptions?: readonly string[] | null;
    readonly Sysctls?: Readonly<Record<string, string>> | null;
    readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[] | null;
    readonly Devices?:
      | readonly { readonly PathOnHost: string; readonly PathInContainer: string; readonly CgroupPermissions: string }[]
      | null;
    readonly NetworkMode?: string;
    readonly Tmpfs?: Readonly<Record<string, string>> | null;
    readonly LogConfig?: { readonly Type?: string; readonly Config?: Readonly<Record<string, string>> | null };
  };
  readonly Mounts?: readonly { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<
      Record<string, { Aliases?: readonly string[] | null; IPAMConfig?: { IPv4Address?: string } | null }>
    >;
  };
}

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** A compose document, as far as a service is put into it. */
export interface ComposeDocument {
  readonly services: Record<string, Readonly<Record<string, unknown>>>;
  readonly volumes?: Record<string, Readonly<Record<string, unknown>> | null>;
  readonly networks?: Record<string, Readonly<Record<string, unknown>> | null>;
}

/** `$` means a variable in a compose file. */
const escaped = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('$', '$$$$')) as T;

const withoutEmpty = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === undefined || value === null || value === '' || value === false || value === 0) return false;
      return typeof value !== 'object' || Object.keys(value).length > 0;
    }),
  );

const ports = (inspected: Inspected): readonly unknown[] =>
  Object.entries(inspected.HostConfig?.PortBindings ?? {}).flatMap(([key, bindings]) => {
    const [target, protocol = 'tcp'] = key.split('/');
    return (bindings ?? []).map(({ HostIp, HostPort }) =>
      withoutEmpty({ target: Number(target), published: HostPort, host_ip: HostIp, protocol, mode: 'ingress' }),
    );
  });

const duration = (nanoseconds: number | undefined): string | undefined =>
  nanoseconds ? `${Math.round(nanoseconds / 1e6)}ms` : undefined;

/** The key under which a document knows a volume or network by its full name; where it doesn't, one is added as external. */
const keyOf = (known: Record<string, Readonly<Record<string, unknown>> | null>, fullName: string): string => {
  const found = Object.entries(known).find(([, value]) => value?.name === fullName)?.[0];
  if (found === undefined) known[fullName] = { name: fullName, external: true };
  return found ?? fullName;
};

/** As `docker compose config` writes it: a name with a value, or a name alone (null). */
const variable = (text: string): readonly [name: string, value: string | null] => {
  const at = text.indexOf('=');
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
};

const healthcheck = (found: NonNullable<Inspected['Config']>['Healthcheck']): unknown =>
  found?.Test &&
  withoutEmpty({
    test: found.Test,
    interval: duration(found.Interval),
    timeout: duration(found.Timeout),
    start_period: duration(found.StartPeriod),
    start_interval: duration(found.StartInterval),
    retries: found.Retries,
  });

/** The engine names a container's host after its id unless it was told another name. */
const hostname = ({ Id = '', Config = {} }: Inspected): string | undefined =>
  Config.Hostname === undefined || Id.startsWith(Config.Hostname) ? undefined : Config.Hostname;

/** Null: the name that Compose gives by itself. */
const containerName = ({ Name = '', Config = {} }: Inspected): string | null => {
  const labels = Config.Labels ?? {};
  const parts = ['project', 'service', 'container-number'].map((part) => labels[`com.docker.compose.${part}`]);
  const name = Name.replace(/^\//, '');
  return name === parts.join('-') || name === parts.join('_') ? null : name;
};

/** What isolates a container from the host, and what it may use of it. */
const limits = (host: NonNullable<Inspected['HostConfig']>): Readonly<Record<string, unknown>> => ({
  mem_limit: host.Memory,
  // The engine sets twice the memory where nothing was said.
  memswap_limit: host.MemorySwap === 2 * (host.Memory ?? 0) ? undefined : host.MemorySwap,
  mem_reservation: host.MemoryReservation,
  cpus: host.NanoCpus ? host.NanoCpus / 1e9 : undefined,
  cpu_shares: host.CpuShares,
  cpuset: host.CpusetCpus,
  pids_limit: host.PidsLimit,
  shm_size: host.ShmSize === DEFAULT_SHM_BYTES ? undefined : host.ShmSize,
  oom_score_adj: host.OomScoreAdj,
  ulimits: Object.fromEntries((host.Ulimits ?? []).map(({ Name, Soft, Hard }) => [Name, { soft: Soft, hard: Hard }])),
  sysctls: host.Sysctls,
  devices: (host.Devices ?? []).map((each) =>
    [each.PathOnHost, each.PathInContainer, each.CgroupPermissions].join(':'),
  ),
  security_opt: host.SecurityOpt,
  userns_mode: host.UsernsMode,
  pid: host.PidMode,
  ipc: host.IpcMode === 'private' ? undefined : host.IpcMode,
  group_add: host.GroupAdd,
});

/** Everything but volumes and networks, whose names depend on the document. */
const definition = (inspected: Inspected): Readonly<Record<string, unknown>> => {
  const { Config: config = {}, HostConfig: host = {} } = inspected;
  const { Name: restart = 'no', MaximumRetryCount: retries = 0 } = host.RestartPolicy ?? {};
  const labels = Object.entries(config.Labels ?? {}).filter(([name]) => !name.startsWith('com.docker.compose.'));
  return {
    image: inspected.Image,
    container_name: containerName(inspected),
    hostname: hostname(inspected),
    domainname: config.Domainname,
    command: config.Cmd,
    entrypoint: config.Entrypoint,
    environment: Object.fromEntries((config.Env ?? []).map(variable)),
    labels: Object.fromEntries(labels),
    user: config.User,
    working_dir: config.WorkingDir,
    stop_signal: config.StopSignal,
    stop_grace_period: config.StopTimeout ? `${config.StopTimeout}s` : undefined,
    tty: config.Tty,
    stdin_open: config.OpenStdin,
    healthcheck: healthcheck(config.Healthcheck),
    restart: restart === 'on-failure' && retries > 0 ? `on-failure:${retries}` : restart,
    privileged: host.Privileged,
    read_only: host.ReadonlyRootfs,
    cap_add: host.CapAdd,
    cap_drop: host.CapDrop,
    extra_hosts: host.ExtraHosts,
    dns: host.Dns,
    dns_search: host.DnsSearch,
    dns_opt: host.DnsOptions,
    init: host.Init,
    ...limits(host),
    tmpfs: Object.entries(host.Tmpfs ?? {}).map(([path, options]) => (options === '' ? path : `${path}:${options}`)),
    logging: host.LogConfig?.Type
      ? withoutEmpty({ driver: host.LogConfig.Type, options: host.LogConfig.Config })
      : undefined,
    ports: ports(inspected),
  };
};

/**
 * Puts a service into a compose document that recreates a container as it is: image by id, environment, mounts, ports,
 * networks, limits. Used where the compose file it came from was edited since. What Compose adds itself (its labels) is
 * left to Compose; the order of starting is kept from the document.
 *
 * @param raw - one element of `docker inspect`
 */
export const adoptContainer = (document: ComposeDocument, name: string, raw: unknown): void => {
  const inspected = raw as Inspected;
  const volumes = document.volumes ?? {};
  const networks = document.networks ?? {};
  const mode = inspected.HostConfig?.NetworkMode ?? '';
  const special = /^(host|none|container:|service:)/.test(mode);
  const mounts = (inspected.Mounts ?? []).filter(({ Type }) => Type === 'bind' || Type === 'volume');
  const attached = Object.entries(inspected.NetworkSettings?.Networks ?? {});
  document.services[name] = {
    ...escaped(
      withoutEmpty({
        ...definition(inspected),
        volumes: mounts.map(({ Type, Name, Source, Destination, RW }) =>
          withoutEmpty({
            type: Type,
            source: Type === 'volume' ? keyOf(volumes, Name ?? '') : Source,
            target: Destination,
            read_only: !RW,
          }),
        ),
        ...(special
          ? { network_mode: mode }
          : {
              networks: Object.fromEntries(
                attached.map(([network, { IPAMConfig }]) => [
                  keyOf(networks, network),
                  withoutEmpty({ ipv4_address: IPAMConfig?.IPv4Address }),
                ]),
              ),
            }),
      }),
    ),
    ...withoutEmpty({ depends_on: document.services[name]?.depends_on }),
  };
  Object.assign(document, { volumes, networks });
};

/** Removes services that have no container, and what waits for them: Compose refuses a dependency that is not there. */
export const keepServices = (document: ComposeDocument, present: ReadonlySet<string>): void => {
  for (const [name, service] of Object.entries(document.services)) {
    if (!present.has(name)) {
      delete document.services[name];
      continue;
    }
    const dependencies = Object.entries((service.depends_on ?? {}) as Readonly<Record<string, unknown>>);
    const kept = dependencies.filter(([other]) => present.has(other));
    if (kept.length < dependencies.length)
      document.services[name] = { ...service, depends_on: Object.fromEntries(kept) };
  }
};
