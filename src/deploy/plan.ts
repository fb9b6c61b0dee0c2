import type { NamespaceFilter } from '../backup/namespace-filter.ts';
import { hasSameDefinition } from '../compose/create-plan.ts';
import type { ContainerState } from '../compose/engine.ts';
import { dependencyLevels } from '../compose/graph.ts';
import type { PublishedPort, RenderedProject } from '../compose/rendered.ts';
import { type Roles, workOutRoles } from '../compose/roles.ts';
import type { Snapshot } from '../operation/releases.ts';
import type { Context } from './context.ts';
import type { OldGood } from './old-good.ts';
import { remountedServices } from './snapshot.ts';
import { projectContainers } from './writers.ts';

/** What one release variable becomes. */
export interface PlannedImage {
  readonly variable: string;
  /** repo:tag, as it goes into `.env`. */
  readonly reference: string;
  readonly tag: string;
  /** Null: an image that no registry has, kept on this host. */
  readonly digest: string | null;
  /** repo:tag@digest, as it goes into the rendered compose file. */
  readonly pinned: string;
  /** os/arch[/variant] that the registry offers; empty when it was not asked. */
  readonly platforms: readonly string[];
  readonly services: readonly string[];
}

/** Where an operation is going: the release that shall be live in the end. */
export interface Destination {
  readonly tag: string;
  readonly images: readonly PlannedImage[];
  /** The compose project as the user's files have it; equal to `pinned` for a release from our own records. */
  readonly rendered: RenderedProject;
  /** The same with release images pinned by digest: what runs. */
  readonly pinned: RenderedProject;
  /** A kept release's files, to be put back; null: what is on disk is meant. */
  readonly snapshot: Snapshot | null;
  /** A backup that the database goes back to, behind the fence. */
  readonly restore: PlannedRestore | null;
  /** The release stays the live one, with other data: nothing to commit. */
  readonly keepsRelease: boolean;
  /** What is live now turned out bad: a later rollback skips it. */
  readonly abandonsLive: boolean;
  readonly upgrade: readonly string[];
  readonly restartAll: boolean;
  readonly warnings: readonly string[];
}

export interface PlannedRestore {
  /** For people: an id or a file. */
  readonly name: string;
  /** Absolute path of the archive, verified. */
  readonly path: string;
  /** With which it is decrypted, tried in turn. */
  readonly identityFiles: readonly string[];
  /** Room that the database needs for it beside what it holds. */
  readonly needsBytes: number;
  /** What happens to collections that the backup does not know. */
  readonly extra: 'drop' | 'keep';
  readonly force: boolean;
  /** What of it is restored; null: all of it. */
  readonly filter: NamespaceFilter | null;
  /** It holds only some collections. */
  readonly partial: boolean;
}

export interface DeployPlan extends Destination {
  readonly roles: Roles;
  /** Services in the order they start; those of one level start together. */
  readonly levels: readonly (readonly string[])[];
  /** Services that get a new container. */
  readonly changed: ReadonlySet<string>;
  /** Services that mount a config file which is not the old release's any more; among the changed. */
  readonly remounted: ReadonlySet<string>;
  /** Services that have no running container now. */
  readonly stopped: ReadonlySet<string>;
  /** Writers that are no longer in the compose file: they are stopped and removed. */
  readonly orphans: readonly ContainerState[];
  /** Nothing is fenced, dumped or restored when no writer changes. */
  readonly writersChange: boolean;
  readonly old: OldGood | null;
}

const isUnchanged = (container: ContainerState, to: Destination, imageId: string | null): boolean => {
  const definitions = [to.pinned.services[container.service], to.rendered.services[container.service]];
  const same = definitions.some((service) => service !== undefined && hasSameDefinition(service, container));
  return same && (imageId === null || container.imageId === imageId);
};

/** Compares what runs with where the operation is going. */
export const comparePlan = async (context: Context, old: OldGood | null, to: Destination): Promise<DeployPlan> => {
  const { docker, config, signal } = context;
  const roles = workOutRoles(to.rendered, config);
  const levels = dependencyLevels(to.rendered.services, config.order);
  const containers = await projectContainers(context);
  const pins = new Map(to.images.flatMap(({ pinned, services }) => services.map((name) => [name, pinned] as const)));
  const imageIds = new Map(
    await Promise.all(
      // An image that is not here yet has an id that no container runs.
      [...pins].map(async ([name, pinned]) => [name, (await docker.image(pinned, { signal }))?.id ?? ''] as const),
    ),
  );
  const remounted = old === null ? new Set<string>() : await remountedServices(old.snapshot, to.rendered);
  const names = Object.keys(to.pinned.services);
  const isChanged = (name: string): boolean => {
    const own = containers.filter((each) => each.service === name);
    if (own.length === 0 || to.upgrade.includes(name) || remounted.has(name)) return true;
    return own.some((each) => !isUnchanged(each, to, imageIds.get(name) ?? null));
  };
  const changed = new Set(names.filter(isChanged));
  const running = new Set(containers.filter((each) => each.state === 'running').map((each) => each.service));
  const stopped = new Set(names.filter((name) => !running.has(name)));
  const orphans = containers.filter(
    (each) => to.pinned.services[each.service] === undefined && old?.roles.writers.includes(each.service),
  );
  const writersChange =
    to.restartAll ||
    to.restore !== null ||
    orphans.length > 0 ||
    roles.writers.some((name) => changed.has(name) || stopped.has(name));
  return { ...to, roles, levels, changed, remounted, stopped, orphans, writersChange, old };
};

/** Ports through which outside traffic could reach a writer, old and new. */
export const fencedPorts = (plan: DeployPlan, containers: readonly ContainerState[]): readonly PublishedPort[] => {
  const roles = [plan.roles, ...(plan.old === null ? [] : [plan.old.roles])];
  const names = new Set(roles.flatMap(({ edge, writers }) => [...edge, ...writers]));
  const all = [
    ...[...names].flatMap((name) => plan.pinned.services[name]?.ports ?? []),
    ...containers.filter((each) => names.has(each.service)).flatMap((each) => each.ports),
  ];
  return [...new Map(all.map((port) => [`${port.hostIp} ${port.published} ${port.protocol}`, port])).values()];
};
