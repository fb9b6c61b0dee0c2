import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { RegistryCredentials } from '../config/config.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { CommandRunner } from '../system/command.ts';
import { registryAuth } from './docker-config.ts';
import { type Endpoint, findEndpoint } from './endpoint.ts';
import { parseImageReference, registryOf, withTag } from './image-reference.ts';
import { type Attempt, withRegistryRetry } from './registry-retry.ts';

export interface ResolvedImage {
  /** `sha256:...`: of the index where the image is multi-platform. */
  readonly digest: string;
  /** os/arch[/variant]. */
  readonly platforms: readonly string[];
}

export interface Registry {
  /**
   * What a tag is now, without pulling it.
   *
   * @throws DeployError 'image-not-found', 'registry-denied', 'registry-unreachable' (after retries), 'unsupported' for an engine reached over
   * SSH, 'docker-unreachable'
   */
  resolve(reference: string, signal?: AbortSignal): Promise<ResolvedImage>;
}

export interface RegistryDeps {
  readonly commands: CommandRunner;
  readonly clock: Clock;
  readonly config: { readonly registries: readonly RegistryCredentials[] };
  readonly environment: Readonly<Record<string, string>>;
}

/** Registries as the engine sees them (its mirrors, its certificates), through `GET /distribution/{name}/json`. */
export const openRegistry = (deps: RegistryDeps): Registry => ({
  async resolve(reference, signal) {
    const parsed = parseImageReference(reference);
    const name = parsed.digest ? `${parsed.repository}@${parsed.digest}` : withTag(parsed, parsed.tag ?? 'latest');
    const [endpoint, auth] = await Promise.all([
      findEndpoint(deps, signal),
      registryAuth(registryOf(parsed), { ...deps, registries: deps.config.registries }, signal),
    ]);
    const headers = auth === null ? {} : { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
    const engine = await engineAddress(endpoint, deps.environment);
    return withRegistryRetry(() => ask(engine, `/distribution/${name}/json`, headers, signal), {
      reference,
      clock: deps.clock,
      signal,
    });
  },
});

interface EngineAddress {
  readonly secure: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  readonly url: string;
}

const engineAddress = async (endpoint: Endpoint, environment: RegistryDeps['environment']): Promise<EngineAddress> => {
  const { url } = endpoint;
  if (endpoint.kind === 'unix') return { secure: false, options: { socketPath: url.replace(/^unix:\/\//, '') }, url };
  if (endpoint.kind !== 'tcp') {
    throw new DeployError('unsupported', `tags can't be resolved through a Docker engine at ${url}`, {
      hint: 'run this on the server itself, or with --host user@server',
    });
  }
  const { port } = new URL(url.replace(/^tcp:/, 'http:'));
  const secure = url.startsWith('https:') || Boolean(environment.DOCKER_TLS_VERIFY || environment.DOCKER_TLS);
  const options = { host: endpoint.host, port: Number(port || (secure ? 2376 : 2375)) };
  if (!secure) return { secure, options, url };
  const directory = environment.DOCKER_CERT_PATH || join(environment.HOME || '/', '.docker');
  const read = (file: string) => readFile(join(directory, file)).catch(() => undefined);
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  return { secure, options: { ...options, ca, cert, key }, url };
};

const TIMEOUT_MS = 30_000;

/** Whatever happens between us and the engine is an error; what the engine says of the registry is an answer. */
const ask = async (
  engine: EngineAddress,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Attempt<ResolvedImage>> => {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  const { status, body } = await exchange(engine, path, headers, either).catch((error: unknown) => {
    if (signal?.aborted) throw signal.reason;
    if (limit.aborted) return { status: 504, body: '{"message":"context deadline exceeded"}' };
    throw new DeployError(
      'docker-unreachable',
      `the Docker engine at ${engine.url} does not answer: ${messageOf(error)}`,
      {
        hint: 'start it: sudo systemctl start docker (or look at DOCKER_HOST and `docker context ls`)',
        cause: error,
      },
    );
  });
  if (status === 200) return { ok: true, value: resolved(JSON.parse(body) as Distribution) };
  return { ok: false, said: messageIn(body) ?? `the engine answered with HTTP status ${status}` };
};

interface Distribution {
  readonly Descriptor: { readonly digest: string };
  readonly Platforms?:
    | readonly { readonly os?: string; readonly architecture?: string; readonly variant?: string }[]
    | null;
}

const resolved = ({ Descriptor, Platforms }: Distribution): ResolvedImage => ({
  digest: Descriptor.digest,
  platforms: (Platforms ?? [])
    // Build attestations are listed as unknown/unknown.
    .filter(({ os }) => os !== undefined && os !== 'unknown')
    .map(({ os, architecture, variant }) => [os, architecture, variant].filter(Boolean).join('/')),
});

const messageIn = (body: string): string | null => {
  try {
    return (JSON.parse(body) as { readonly message?: string }).message ?? null;
  } catch {
    return body.trim() || null;
  }
};

const LARGEST_ANSWER = 1024 * 1024;

const exchange = (
  { secure, options }: EngineAddress,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)({
      ...options,
      path,
      headers: { Host: 'docker', ...headers },
      signal,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST_ANSWER) request.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.end();
  });
