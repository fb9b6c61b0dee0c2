import type { RegistryCredentials } from '../config/config.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { CommandRunner } from '../system/command.ts';
import { registryAuth } from './docker-config.ts';
import { findEndpoint } from './endpoint.ts';
import { type EngineAddress, engineAddress, exchange } from './engine-http.ts';
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
    if (engine === null) {
      throw new DeployError('unsupported', `tags can't be resolved through a Docker engine at ${endpoint.url}`, {
        hint: 'run this on the server itself, or with --host user@server',
      });
    }
    return withRegistryRetry(() => ask(engine, `/distribution/${name}/json`, headers, signal), {
      reference,
      clock: deps.clock,
      signal,
    });
  },
});

const TIMEOUT_MS = 30_000;
const LARGEST_ANSWER = 1024 * 1024;

/** Whatever happens between us and the engine is an error; what the engine says of the registry is an answer. */
const ask = async (
  engine: EngineAddress,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Attempt<ResolvedImage>> => {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  const { status, body } = await exchange(engine, path, { headers, signal: either, most: LARGEST_ANSWER }).catch(
    (error: unknown) => {
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
    },
  );
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
