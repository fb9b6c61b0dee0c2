import { networkInterfaces } from 'node:os';
import { DeployError } from '../errors.ts';
import type { ContainerState, EngineInfo } from './engine.ts';

/** Where to dial for a host and port that may only mean something inside the project's networks. */
export interface Reached {
  readonly host: string;
  readonly port: number;
  readonly via: 'container-address' | 'published-port' | 'as-given';
  readonly service: string | null;
}

type Engine = Pick<EngineInfo, 'rootless' | 'local'> & { readonly host?: string };

/**
 * A host that is a service, alias or container name: its container's address. A port of this machine that a container
 * publishes: the container behind it, because published ports are closed while the fence is up. Where container addresses
 * are out of reach (rootless, another machine): the published port. Anything else: as given.
 *
 * @throws DeployError 'check-failed' when it means a container that does not run: dialing the published port instead could reach
 * something else, the fence for instance
 */
export const reach = (
  target: { readonly host: string; readonly port: number },
  containers: readonly ContainerState[],
  engine: Engine,
  ownAddresses: ReadonlySet<string> = hostAddresses(),
): Reached => {
  const host = target.host.replace(/^\[|\]$/g, '').toLowerCase();
  const own = containers.filter((each) => !each.oneOff);
  const named = own.filter((each) => answersTo(each, host));
  if (named.length > 0) return toContainer(running(named, target), target.port, target, engine);
  if (!isThisMachine(host, ownAddresses)) return asGiven(target, null);
  const behind = own.filter((each) => targetPort(each, host, target.port) !== null);
  if (behind.length === 0) return asGiven(target, onHostNetwork(own));
  const container = running(behind, target);
  return toContainer(container, targetPort(container, host, target.port) ?? target.port, target, engine);
};

const asGiven = (
  { host, port }: { readonly host: string; readonly port: number },
  service: string | null,
): Reached => ({
  ...{ host, port, service },
  via: 'as-given',
});

const answersTo = (container: ContainerState, host: string): boolean =>
  [
    container.service,
    container.name,
    container.id.slice(0, 12),
    ...container.networks.flatMap(({ aliases }) => aliases),
  ].some((name) => name.toLowerCase() === host);

const running = (
  candidates: readonly ContainerState[],
  { host, port }: { readonly host: string; readonly port: number },
): ContainerState => {
  const found = [...candidates].sort((a, b) => a.number - b.number).find(({ state }) => state === 'running');
  if (found) return found;
  const [first] = candidates;
  throw new DeployError(
    'check-failed',
    `${host}:${port} is ${first?.service}, and ${first?.name} is not running (${first?.state})`,
    {
      hint: `docker logs ${first?.name}`,
    },
  );
};

const toContainer = (
  container: ContainerState,
  port: number,
  target: { readonly host: string; readonly port: number },
  engine: Engine,
): Reached => {
  const { service } = container;
  const machine = engine.host ?? '127.0.0.1';
  if (container.hostNetwork) return { host: machine, port, via: 'published-port', service };
  const address = engine.local && !engine.rootless ? containerAddress(container) : null;
  if (address !== null) return { host: address, port, via: 'container-address', service };
  const published = container.ports.find(
    (each) => each.protocol === 'tcp' && each.target === port && each.published > 0,
  );
  if (published === undefined) return asGiven(target, service);
  return { host: published.hostIp ?? machine, port: published.published, via: 'published-port', service };
};

/** A bridge is on this machine; what other drivers make (macvlan, overlay) the host itself often can't reach. */
const containerAddress = ({ networks }: ContainerState): string | null => {
  const bridges = networks.filter(({ driver }) => driver === 'bridge');
  const found = [...bridges, ...networks].map(({ ipv4, ipv6 }) => ipv4 ?? ipv6).find((address) => address !== null);
  return found ?? null;
};

const isThisMachine = (host: string, ownAddresses: ReadonlySet<string>): boolean =>
  host === 'localhost' || host === '0.0.0.0' || host === '::' || isLoopback(host) || ownAddresses.has(host);

const isLoopback = (host: string): boolean => host === '::1' || /^127(?:\.\d+){3}$/.test(host);

/** The container's port behind a TCP port of this machine; null when it does not publish that one there. */
const targetPort = (container: ContainerState, host: string, port: number): number | null => {
  const found = container.ports.find(
    ({ hostIp, published, protocol }) =>
      protocol === 'tcp' &&
      published === port &&
      (hostIp === null || hostIp === host || !isAddress(host) || isLoopback(host)),
  );
  return found?.target ?? null;
};

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

/** Where only one service shares the host's network, a port that nobody publishes is taken for its own. */
const onHostNetwork = (containers: readonly ContainerState[]): string | null => {
  const services = [...new Set(containers.filter(({ hostNetwork }) => hostNetwork).map(({ service }) => service))];
  return services.length === 1 ? (services[0] ?? null) : null;
};

const hostAddresses = (): ReadonlySet<string> =>
  new Set(
    Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address.toLowerCase())),
  );
