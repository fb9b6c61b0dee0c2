import { DeployError } from '../errors.ts';
import type { Attempts, Config, GateSpec, HttpExpectation } from './config.ts';
import type { Variables } from './env-load.ts';
import { uriVariable, variable } from './known-variables.ts';
import type { Resolver } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import type { GateInput } from './schema-gates.ts';
import type { Path } from './source.ts';
import { maskUri } from './uri.ts';

const TIMEOUT_MS = 5_000;

interface Timing extends Attempts {
  readonly timeoutMs: number;
}

/** What tells two gates of one type apart, fit to be shown: no passwords, no query. */
const target = (spec: GateSpec): string => {
  switch (spec.type) {
    case 'http':
    case 'webhook':
    case 'page':
    case 'qdrant':
      return maskUri(spec.url).replace(/\?.*$/s, '');
    case 'mongo':
    case 'redis':
    case 'rabbitmq':
      return maskUri(spec.uri).replace(/\?.*$/s, '');
    case 'tcp':
      return `${spec.host.includes(':') ? `[${spec.host}]` : spec.host}:${spec.port}`;
    case 'container':
      return spec.service;
    case 'command':
      return `${spec.argv[0] ?? ''}${spec.service === null ? '' : ` in ${spec.service}`}`;
  }
};

const defaultName = (spec: GateSpec): string => `${spec.type} ${target(spec)}`;

const expectation = (input: Extract<GateInput, { type: 'http' | 'webhook' }>['value']): HttpExpectation => ({
  ...(input.status === undefined ? {} : { status: input.status }),
  ...(input.body === undefined ? {} : { body: input.body }),
  ...(input.json === undefined ? {} : { json: input.json }),
  ...(input.headers === undefined ? {} : { headers: input.headers }),
  ...(input.within === undefined ? {} : { withinMs: input.within }),
});

const resolveHeaders = (
  resolver: Resolver,
  path: Path,
  headers: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, resolver.text([...path, 'request_headers', name], value)]),
  );

const toSpec = async (gate: GateInput, path: Path, timing: Timing, resolver: Resolver): Promise<GateSpec> => {
  const { type, value } = gate;
  const base = {
    name: value.name ?? '',
    attempts: value.attempts ?? timing.attempts,
    intervalMs: value.interval ?? timing.intervalMs,
    // A gate that may take 10 s to answer has at least these 10 s.
    timeoutMs: value.timeout ?? Math.max(timing.timeoutMs, 'within' in value ? (value.within ?? 0) : 0),
  };
  const at = [...path, type];
  const url = (text: string): Promise<string> => resolver.uri(at, 'http', { text });
  switch (type) {
    case 'http': {
      const requestHeaders = resolveHeaders(resolver, path, value.request_headers);
      return { ...base, type, url: await url(value.http), requestHeaders, expect: expectation(value) };
    }
    case 'webhook': {
      const requestHeaders = resolveHeaders(resolver, path, value.request_headers);
      const { webhook, payload } = value;
      return { ...base, type, url: await url(webhook), requestHeaders, payload, expect: expectation(value) };
    }
    case 'page':
      return { ...base, type, url: await url(value.page) };
    case 'tcp':
      return { ...base, type, ...value.tcp };
    case 'mongo':
      return { ...base, type, uri: await resolver.uri(at, 'mongo', value.mongo), primary: value.primary ?? true };
    case 'redis':
      return { ...base, type, uri: await resolver.uri(at, 'redis', value.redis) };
    case 'rabbitmq':
      return { ...base, type, uri: await resolver.uri(at, 'rabbitmq', value.rabbitmq) };
    case 'qdrant': {
      const apiKey = value.api_key === undefined ? null : await resolver.reference([...path, 'api_key'], value.api_key);
      return { ...base, type, url: await url(value.qdrant), apiKey };
    }
    case 'container':
      return { ...base, type, service: value.container };
    case 'command':
      return { ...base, type, argv: value.command, service: value.service ?? null };
  }
};

/** Gates that the variables of deploy.sh ask for, each when it is set. */
const environmentGates = (variables: Variables, timing: Timing): readonly GateSpec[] => {
  const base = { name: '', ...timing };
  const health = uriVariable(variables, 'HEALTH_URL', 'http');
  const mongo = uriVariable(variables, 'MONGODB_URI', 'mongo');
  const redis = uriVariable(variables, 'REDIS_URL', 'redis');
  const qdrant = uriVariable(variables, 'QDRANT_URL', 'http');
  const rabbitmq = uriVariable(variables, 'RABBITMQ_URL', 'rabbitmq');
  return [
    ...(mongo === null ? [] : [{ ...base, type: 'mongo' as const, uri: mongo, primary: true }]),
    ...(redis === null ? [] : [{ ...base, type: 'redis' as const, uri: redis }]),
    ...(qdrant === null
      ? []
      : [{ ...base, type: 'qdrant' as const, url: qdrant, apiKey: variable(variables, 'QDRANT_API_KEY') }]),
    ...(rabbitmq === null ? [] : [{ ...base, type: 'rabbitmq' as const, uri: rabbitmq }]),
    ...(health === null ? [] : [{ ...base, type: 'http' as const, url: health, requestHeaders: {}, expect: {} }]),
  ];
};

/** Gives each gate a name of its own; two gates that were given the same one are an error. */
const named = (specs: readonly GateSpec[], place: (index: number) => string): readonly GateSpec[] => {
  const taken = new Set<string>();
  return specs.map((spec, index) => {
    const wanted = spec.name === '' ? defaultName(spec) : spec.name;
    if (spec.name !== '' && taken.has(wanted)) {
      throw new DeployError('config-invalid', `${place(index)}: another gate is named '${wanted}' already`);
    }
    let name = wanted;
    for (let count = 2; taken.has(name); count += 1) name = `${wanted} (${count})`;
    taken.add(name);
    return { ...spec, name };
  });
};

/**
 * The gates of the file, behind those that variables ask for. A gate of the file with the type and target of such a
 * one takes its place; `from_env: false` leaves them all out.
 */
export const resolveGates = async (
  file: ConfigFile['gates'],
  variables: Variables,
  attempts: Attempts,
  resolver: Resolver,
): Promise<Config['gates']> => {
  const timing = { ...attempts, timeoutMs: file?.defaults?.timeout ?? TIMEOUT_MS };
  const specs = (list: 'before' | 'after'): Promise<readonly GateSpec[]> =>
    Promise.all((file?.[list] ?? []).map((gate, index) => toSpec(gate, ['gates', list, index], timing, resolver)));
  const [before, after] = [await specs('before'), await specs('after')];
  const own = new Set(after.map(defaultName));
  const fromEnvironment =
    file?.from_env === false ? [] : environmentGates(variables, timing).filter((spec) => !own.has(defaultName(spec)));
  return {
    before: named(before, (index) => resolver.place(['gates', 'before', index])),
    after: named([...fromEnvironment, ...after], (index) => {
      return resolver.place(['gates', 'after', index - fromEnvironment.length]);
    }),
  };
};
