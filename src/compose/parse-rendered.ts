import { z } from 'zod';
import { DeployError } from '../errors.ts';
import { durationMs } from './duration.ts';
import type { PublishedPort, RenderedService } from './rendered.ts';

// What we read of `docker compose config --format json`; whatever else a newer Compose adds is let through.
const text = z.string().nullish();
const words = z.union([z.string(), z.array(z.string())]).nullish();
const port = z.looseObject({
  host_ip: text,
  published: z.union([z.string(), z.number()]).nullish(),
  target: z.number(),
  protocol: text,
});
const mount = z.looseObject({ type: z.string(), source: text, target: z.string() });
const use = z.union([z.string(), z.looseObject({ source: text })]);
const service = z.looseObject({
  image: text,
  build: z.unknown().optional(),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string(), required: z.boolean().nullish() })).nullish(),
  ports: z.array(port).nullish(),
  volumes: z.array(mount).nullish(),
  configs: z.array(use).nullish(),
  secrets: z.array(use).nullish(),
  command: words,
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()).nullish(),
  healthcheck: z.looseObject({ disable: z.boolean().nullish(), test: words }).nullish(),
  stop_grace_period: text,
  networks: z.record(z.string(), z.unknown()).nullish(),
  network_mode: text,
  restart: text,
  profiles: z.array(z.string()).nullish(),
  scale: z.number().nullish(),
  deploy: z
    .looseObject({
      replicas: z.number().nullish(),
      restart_policy: z.looseObject({ condition: text, max_attempts: z.number().nullish() }).nullish(),
    })
    .nullish(),
});
const named = z.record(z.string(), z.looseObject({ name: text, file: text, environment: text }).nullable()).nullish();
const project = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), service).nullish(),
  networks: named,
  volumes: named,
  configs: named,
  secrets: named,
});

type Service = z.infer<typeof service>;
type Project = z.infer<typeof project>;

/** A rendered document without its hashes. */
export interface ParsedProject {
  readonly name: string;
  readonly services: Readonly<Record<string, Omit<RenderedService, 'hash' | 'hashAlone'>>>;
  /** Variables whose values `configs` and `secrets` are, read when a container is created. */
  readonly sourceVariables: readonly string[];
}

/** @throws DeployError 'compose-invalid' naming the field, when it is not the JSON that `docker compose config` prints */
export const parseRendered = (json: string): ParsedProject => {
  const found = project.safeParse(fromJson(json));
  if (!found.success) {
    const [issue] = found.error.issues;
    throw new DeployError(
      'compose-invalid',
      `the rendered project is not as expected: ${issue?.path.join('.')}: ${issue?.message}`,
      {
        hint: 'look at: docker compose config --format json',
      },
    );
  }
  const { data } = found;
  const services = Object.entries(data.services ?? {}).map(([name, each]) => [name, parseService(name, each, data)]);
  const sources = [...Object.values(data.configs ?? {}), ...Object.values(data.secrets ?? {})];
  return {
    name: data.name,
    services: Object.fromEntries(services),
    sourceVariables: sources.flatMap((each) => (each?.environment ? [each.environment] : [])),
  };
};

const fromJson = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new DeployError('compose-invalid', 'the rendered project is not JSON', { cause: error });
  }
};

/** A rendered file has `$$` for each dollar sign. */
const plain = (escaped: string): string => escaped.replaceAll('$$', '$');

const wordsOf = (value: string | readonly string[] | null | undefined): readonly string[] =>
  (typeof value === 'string' ? [value] : (value ?? [])).map(plain);

const DEFAULT_GRACE_MS = 10_000;

const parseService = (name: string, each: Service, data: Project): Omit<RenderedService, 'hash' | 'hashAlone'> => ({
  name,
  image: each.image || `${data.name}-${name}`,
  build: each.build !== undefined && each.build !== null,
  dependsOn: Object.fromEntries(
    Object.entries(each.depends_on ?? {}).map(([other, { condition, required }]) => [
      other,
      { condition: conditionOf(condition), required: required ?? true },
    ]),
  ),
  ports: (each.ports ?? []).flatMap(parsePort),
  bindFiles: [
    ...(each.volumes ?? []).flatMap(({ type, source }) => (type === 'bind' && source ? [plain(source)] : [])),
    ...filesOf(each.configs, data.configs),
    ...filesOf(each.secrets, data.secrets),
  ],
  volumes: (each.volumes ?? []).flatMap(({ type, source, target }) =>
    type === 'volume' && source ? [{ name: data.volumes?.[source]?.name ?? source, target: plain(target) }] : [],
  ),
  command: wordsOf(each.command),
  environment: Object.fromEntries(
    Object.entries(each.environment ?? {}).map(([key, value]) => [key, value === null ? null : plain(String(value))]),
  ),
  hasHealthcheck: hasHealthcheck(each.healthcheck),
  stopGraceMs: durationMs(each.stop_grace_period ?? '') ?? DEFAULT_GRACE_MS,
  networks: Object.keys(each.networks ?? {}).map((key) => data.networks?.[key]?.name ?? key),
  networkMode: each.network_mode ?? null,
  restart: restartOf(each),
  profiles: each.profiles ?? [],
  replicas: each.scale ?? each.deploy?.replicas ?? 1,
});

const conditionOf = (text: string): RenderedService['dependsOn'][string]['condition'] =>
  text === 'service_healthy' || text === 'service_completed_successfully' ? text : 'service_started';

const parsePort = ({ host_ip, published, target, protocol }: z.infer<typeof port>): readonly PublishedPort[] => {
  const kind = protocol ?? 'tcp';
  if (kind !== 'tcp' && kind !== 'udp') return [];
  const hostIp = host_ip && host_ip !== '0.0.0.0' && host_ip !== '::' ? host_ip : null;
  return portRange(String(published ?? '')).map((each) => ({ hostIp, published: each, target, protocol: kind }));
};

/** `3000-3002` with one target: the engine takes any of them. */
const portRange = (text: string): readonly number[] => {
  const [first = 0, last = first] = text.split('-').map(Number);
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, at) => first + at);
};

const filesOf = (uses: Service['configs'], sources: z.infer<typeof named>): readonly string[] =>
  (uses ?? []).flatMap((each) => {
    const file = sources?.[(typeof each === 'string' ? each : each.source) ?? '']?.file;
    return file ? [plain(file)] : [];
  });

const hasHealthcheck = (check: Service['healthcheck']): boolean =>
  check != null && check.disable !== true && wordsOf(check.test)[0] !== 'NONE' && wordsOf(check.test).length > 0;

/** As Compose does: `restart`, else `deploy.restart_policy`. */
const restartOf = ({ restart, deploy }: Service): string => {
  if (restart) return restart;
  const policy = deploy?.restart_policy;
  if (policy == null || policy.condition === 'none') return 'no';
  if (policy.condition === 'on-failure')
    return policy.max_attempts ? `on-failure:${policy.max_attempts}` : 'on-failure';
  return policy.condition === 'unless-stopped' ? 'unless-stopped' : 'always';
};
