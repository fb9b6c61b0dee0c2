import type { CommandRunner } from '../system/command.ts';

/** Where the engine listens: `unix:///var/run/docker.sock`, `tcp://10.0.0.5:2376`, `ssh://user@host`. */
export interface Endpoint {
  readonly url: string;
  readonly kind: 'unix' | 'tcp' | 'ssh' | 'other';
  /** Where ports that it publishes are. */
  readonly host: string;
}

const TIMEOUT_MS = 20_000;
const DEFAULT = 'unix:///var/run/docker.sock';

interface Deps {
  readonly commands: CommandRunner;
  readonly environment: Readonly<Record<string, string>>;
}

/** Asked once per environment: contexts don't change under a running command. */
const found = new WeakMap<Deps['environment'], Promise<Endpoint>>();

/** As the docker command finds it: DOCKER_HOST, else the current context. */
export const findEndpoint = (deps: Deps, signal?: AbortSignal): Promise<Endpoint> => {
  const known = found.get(deps.environment);
  if (known !== undefined) return known;
  const asked = askEndpoint(deps, signal);
  found.set(deps.environment, asked);
  asked.catch(() => found.delete(deps.environment));
  return asked;
};

const askEndpoint = async (deps: Deps, signal: AbortSignal | undefined): Promise<Endpoint> => {
  const host = deps.environment.DOCKER_HOST;
  if (host) return parseEndpoint(host);
  const result = await deps.commands.run(['docker', 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], {
    env: deps.environment,
    timeoutMs: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  return parseEndpoint(result.exitCode === 0 ? result.stdout.trim() || DEFAULT : DEFAULT);
};

export const parseEndpoint = (url: string): Endpoint => {
  const [, scheme = '', rest = ''] = url.match(/^([a-z]+):\/\/(.*)$/) ?? [];
  if (scheme === 'unix') return { url, kind: 'unix', host: '127.0.0.1' };
  if (scheme === 'ssh') return { url, kind: 'ssh', host: hostOf(rest) };
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https') return { url, kind: 'tcp', host: hostOf(rest) };
  return { url, kind: 'other', host: '127.0.0.1' };
};

const hostOf = (rest: string): string => {
  try {
    return new URL(`http://${rest}`).hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
  } catch {
    return '127.0.0.1';
  }
};
