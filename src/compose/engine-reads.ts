import type { ComposeDeps } from './config-command.ts';
import { containerState } from './container-state.ts';
import { findEndpoint } from './endpoint.ts';
import type { Abortable, Docker } from './engine.ts';
import { type EngineAddress, engineAddress, exchange } from './engine-http.ts';
import { describeEngine, imageInfo } from './engine-info.ts';
import { COMPOSE_LABELS } from './labels.ts';

interface Deps extends Pick<ComposeDeps, 'commands'> {
  readonly environment: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 10_000;
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** What makes a read go the long way: the engine is elsewhere, or answered in a way we don't know. */
class Unanswered extends Error {}

/**
 * The same Docker, its reads straight from the engine's API: a deploy looks at its containers some fifty times, and each
 * time would otherwise start three processes. `docker inspect` prints what the API says, so that the answers are the same.
 * Whatever goes wrong here, the docker command is asked instead, which also says best what is wrong.
 */
export const withEngineReads = (docker: Docker, deps: Deps): Docker => {
  let address: Promise<EngineAddress | null> | null = null;
  const engine = (): Promise<EngineAddress | null> => {
    address ??= findEndpoint(deps)
      .then((endpoint) => engineAddress(endpoint, deps.environment))
      .catch(() => null);
    return address;
  };

  /** The answer as JSON; null when there is no such thing. */
  const get = async (path: string, signal: AbortSignal | undefined): Promise<unknown> => {
    const to = await engine();
    if (to === null) throw new Unanswered();
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    const { status, body } = await exchange(to, path, { signal: either, most: LARGEST_ANSWER });
    if (status === 404) return null;
    if (status !== 200) throw new Unanswered();
    return JSON.parse(body);
  };
  const list = async (path: string, signal: AbortSignal | undefined): Promise<readonly { readonly Id: string }[]> => {
    const found = await get(path, signal);
    if (Array.isArray(found)) return found as readonly { readonly Id: string }[];
    throw new Unanswered();
  };
  const orElse = async <T>({ signal }: Abortable, quick: () => Promise<T>, byCommand: () => Promise<T>): Promise<T> => {
    try {
      return await quick();
    } catch {
      signal?.throwIfAborted();
      return byCommand();
    }
  };

  const inspect = async (ids: readonly string[], { signal }: Abortable): Promise<readonly unknown[]> => {
    const found = await Promise.all(ids.map((id) => get(`/containers/${encodeURIComponent(id)}/json`, signal)));
    return found.filter((each) => each !== null);
  };

  return {
    ...docker,
    // The docker command would look for its plugins first, and start each of them.
    info: (options = {}) =>
      orElse(
        options,
        async () => describeEngine(await get('/info', options.signal), await findEndpoint(deps, options.signal)),
        () => docker.info(options),
      ),

    inspect: (ids, options = {}) =>
      orElse(
        options,
        () => inspect(ids, options),
        () => docker.inspect(ids, options),
      ),

    containers: (project, options = {}) =>
      orElse(
        options,
        async () => {
          const { all = false, signal } = options;
          const filters = JSON.stringify({ label: [`${COMPOSE_LABELS.project}=${project}`] });
          const [containers, networks] = await Promise.all([
            list(`/containers/json?all=${all}&filters=${encodeURIComponent(filters)}`, signal),
            list('/networks', signal) as Promise<readonly { readonly Id: string; readonly Driver: string }[]>,
          ]);
          const drivers = new Map(networks.map(({ Id, Driver }) => [Id, Driver]));
          const inspected = await inspect(
            containers.map(({ Id }) => Id),
            options,
          );
          return inspected
            .map((each) => containerState(each, drivers))
            .sort((a, b) => a.service.localeCompare(b.service) || a.number - b.number);
        },
        () => docker.containers(project, options),
      ),

    image: (reference, options = {}) =>
      orElse(
        options,
        async () => {
          const found = await get(`/images/${encodeURI(reference)}/json`, options.signal);
          return found === null ? null : imageInfo(found);
        },
        () => docker.image(reference, options),
      ),
  };
};
