import type { ContainerState, Docker } from '../../compose/engine.ts';
import type { Operation } from '../../operation/operations.ts';

/** A connection that the fence took away, with what it takes to give it back. */
export interface Detached {
  readonly network: string;
  readonly container: string;
  readonly aliases: readonly string[];
}

export interface DetachOptions {
  readonly docker: Docker;
  readonly project: string;
  /** Ids of the writers' containers. */
  readonly containers: readonly string[];
  readonly operation: Operation;
  readonly warn: (text: string) => void;
}

/** Whether a container of another project lets outside traffic in. One without a project is not known: it may. */
const letsTrafficIn = async (docker: Docker, member: { id: string; project: string | null }): Promise<boolean> => {
  if (member.project === null) return true;
  const theirs = await docker.containers(member.project);
  const container = theirs.find((each) => each.id === member.id);
  return container === undefined || container.hostNetwork || container.ports.some((port) => port.published !== 0);
};

/**
 * Another project's proxy on a shared network is a way past the firewall: the writers leave such a network until the
 * lift. A shared network on which nobody publishes a port (a database of another project, say) is left alone, for a
 * writer without it could not become healthy; so is a writer's only network. Both are named.
 */
export const detachFromOthers = async (options: DetachOptions): Promise<readonly Detached[]> => {
  const { docker, project, operation, warn } = options;
  const own = await docker.containers(project, { all: true });
  const writers = own.filter((container) => options.containers.includes(container.id));
  const networks = new Map(
    writers.flatMap((writer) => writer.networks.map((network) => [network.id, network] as const)),
  );
  const detached: Detached[] = [];
  for (const network of networks.values()) {
    if (network.id === '') continue;
    const members = await docker.containersOnNetwork(network.id);
    const others = members.filter((member) => member.project !== project);
    const proxies: string[] = [];
    for (const other of others) if (await letsTrafficIn(docker, other)) proxies.push(other.name);
    if (proxies.length === 0) continue;
    for (const writer of writers.filter((each) => isOn(each, network.id))) {
      if (writer.networks.length < 2) {
        warn(
          `${writer.service} stays on network ${network.name}, its only one: ${proxies.join(', ')} can reach it past the fence`,
        );
        continue;
      }
      const aliases = writer.networks.find((each) => each.id === network.id)?.aliases ?? [];
      const connection = { network: network.id, container: writer.id, aliases };
      await operation.effect('fence.detach', { ...connection, name: network.name }, () =>
        docker.disconnect(network.id, writer.id),
      );
      detached.push(connection);
    }
  }
  return detached;
};

const isOn = (container: ContainerState, networkId: string): boolean =>
  container.networks.some((network) => network.id === networkId);

/** Connects again what is still there; a container that was replaced meanwhile got its networks from Compose. */
export const reattach = async (
  docker: Docker,
  project: string,
  operation: Operation,
  detached: readonly Detached[],
): Promise<void> => {
  if (detached.length === 0) return;
  const present = await docker.containers(project, { all: true });
  const isOff = ({ container, network }: Detached): boolean =>
    present.some((each) => each.id === container && !isOn(each, network));
  for (const { network, container, aliases } of detached.filter(isOff)) {
    await operation.effect('fence.reattach', { network, container, aliases }, () =>
      docker.connect(network, container, { aliases }),
    );
  }
};
