import { withFailpoints } from '../system/failpoints/around.ts';
import type { ComposeDeps } from './config-command.ts';
import { containerState } from './container-state.ts';
import { DOCKER_EFFECTS, STOP_EXTRA_MS } from './docker.ts';
import { findEndpoint } from './endpoint.ts';
import type { Abortable, Docker } from './engine.ts';
import { type Answer, type EngineAddress, engineAddress, exchange } from './engine-http.ts';
import { describeEngine, imageInfo } from './engine-info.ts';
import { COMPOSE_LABELS } from './labels.ts';

/** An element of GET /containers/json. */
interface Listed {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
}

interface Deps extends Pick<ComposeDeps, 'commands'> {
  readonly environment: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 10_000;
const LARGEST_ANSWER = 64 * 1024 * 1024;

const START_MS = 120_000;

/** What makes a request go the long way: the engine is elsewhere, or answered in a way we don't know. */
class Unanswered extends Error {}

/**
 * The same Docker, but what is asked often goes straight to the engine's API: a deploy looks at its containers some fifty
 * times and changes them some twenty times, and each time would otherwise start a process or three. `docker inspect` prints
 * what the API says, so that the answers are the same. Whatever goes wrong here, the docker command is asked instead, which
 * also says best what is wrong; that can't do harm, since each of these changes may be made twice.
 */
export const withEngineApi = (docker: Docker, deps: Deps): Docker => {
  let address: Promise<EngineAddress | null> | null = null;
  const engine = (): Promise<EngineAddress | null> => {
    address ??= findEndpoint(deps)
      .then((endpoint) => engineAddress(endpoint, deps.environment))
      .catch(() => null);
    return address;
  };

  const ask = async (
    path: string,
    {
      signal,
      timeoutMs,
      ...asked
    }: Abortable & {
      readonly timeoutMs: number;
      readonly method?: 'POST' | 'DELETE';
      readonly json?: unknown;
    },
  ): Promise<Answer> => {
    const to = await engine();
    if (to === null) throw new Unanswered();
    const limit = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    return exchange(to, path, { ...asked, signal: either, most: LARGEST_ANSWER });
  };
  /** The answer as JSON; null when there is no such thing. */
  const get = async (path: string, signal: AbortSignal | undefined): Promise<unknown> => {
    const { status, body } = await ask(path, { signal, timeoutMs: TIMEOUT_MS });
    if (status === 404) return null;
    if (status !== 200) throw new Unanswered();
    return JSON.parse(body);
  };
  /** Makes a change; the engine says so, or that there was nothing to change, by one of the statuses. */
  const change = async (
    method: 'POST' | 'DELETE',
    path: string,
    json: unknown,
    { statuses, ...options }: Abortable & { readonly timeoutMs: number; readonly statuses: readonly number[] },
  ): Promise<void> => {
    const { status } = await ask(path, { ...options, method, json });
    if (!statuses.includes(status)) throw new Unanswered();
  };
  const each = (ids: readonly string[], act: (container: string) => Promise<void>): Promise<void> =>
    Promise.all(ids.map((id) => act(`/containers/${encodeURIComponent(id)}`))).then(() => {});
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

  const quick: Docker = {
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

    containersOnNetwork: (networkId, options = {}) =>
      orElse(
        options,
        async () => {
          const filters = encodeURIComponent(JSON.stringify({ network: [networkId] }));
          const found = await list(`/containers/json?all=true&filters=${filters}`, options.signal);
          return found.map((container) => {
            const { Id, Names = [], Labels = {} } = container as Listed;
            const name = (Names[0] ?? '').replace(/^\//, '');
            return { id: Id, name, project: Labels[COMPOSE_LABELS.project] ?? null };
          });
        },
        () => docker.containersOnNetwork(networkId, options),
      ),

    tag: (source, target) =>
      orElse(
        {},
        () => {
          const at = target.lastIndexOf(':');
          const to = new URLSearchParams({ repo: target.slice(0, at), tag: target.slice(at + 1) });
          return change('POST', `/images/${encodeURI(source)}/tag?${to}`, null, {
            timeoutMs: TIMEOUT_MS,
            statuses: [201],
          });
        },
        () => docker.tag(source, target),
      ),

    untag: (target) =>
      orElse(
        {},
        () => change('DELETE', `/images/${encodeURI(target)}`, null, { timeoutMs: START_MS, statuses: [200, 404] }),
        () => docker.untag(target),
      ),

    // 304: as it was. 404: gone, which the command tolerates too where it says so.
    stop: (ids, graceMs, options = {}) =>
      orElse(
        options,
        () => {
          const limits = { ...options, timeoutMs: graceMs + STOP_EXTRA_MS, statuses: [204, 304, 404] };
          return each(ids, (container) =>
            change('POST', `${container}/stop?t=${Math.ceil(graceMs / 1000)}`, null, limits),
          );
        },
        () => docker.stop(ids, graceMs, options),
      ),

    kill: (ids) =>
      orElse(
        {},
        () => {
          const limits = { timeoutMs: START_MS, statuses: [204, 404, 409] };
          return each(ids, (container) => change('POST', `${container}/kill`, null, limits));
        },
        () => docker.kill(ids),
      ),

    start: (ids, options = {}) =>
      orElse(
        options,
        () => {
          const limits = { ...options, timeoutMs: START_MS, statuses: [204, 304] };
          return each(ids, (container) => change('POST', `${container}/start`, null, limits));
        },
        () => docker.start(ids, options),
      ),

    setRestartPolicy: (ids, policy) =>
      orElse(
        {},
        () => {
          const [Name, most = '0'] = policy.split(':');
          const RestartPolicy = { Name, MaximumRetryCount: Number(most) };
          const limits = { timeoutMs: START_MS, statuses: [200, 404] };
          return each(ids, (container) => change('POST', `${container}/update`, { RestartPolicy }, limits));
        },
        () => docker.setRestartPolicy(ids, policy),
      ),
  };
  return withFailpoints('docker', quick, DOCKER_EFFECTS);
};
