import type { ContainerState } from './engine.ts';
import { dependenciesOfAll } from './graph.ts';
import type { RenderedProject, RenderedService } from './rendered.ts';

/**
 * What `create` and `up` do with containers that are there already. `changed`: replace those of another definition or image;
 * `never`: leave every one (and start it, if it is to be started); `always`: new ones.
 */
export type Recreate = 'changed' | 'never' | 'always';

/** One call of `docker compose up --no-start`. */
export interface CreateCall {
  readonly services: readonly string[];
  readonly recreate: 'never' | 'always';
  /** Whether `depends_on` is followed. */
  readonly dependencies: boolean;
}

export interface CreateFacts {
  readonly rendered: Pick<RenderedProject, 'services'>;
  readonly services: readonly string[];
  readonly recreate: Recreate;
  /** Of the whole project, stopped ones too. */
  readonly containers: readonly ContainerState[];
  /** Reference -> id of the image here; null when there is none. */
  readonly imageIds: ReadonlyMap<string, string | null>;
}

/** Whether a container was made from this definition, by `docker compose up` or by `up --no-deps`. Its image may have moved. */
export const hasSameDefinition = (
  service: Pick<RenderedService, 'hash' | 'hashAlone'>,
  container: Pick<ContainerState, 'configHash'>,
): boolean => container.configHash === service.hash || container.configHash === service.hashAlone;

/**
 * Which calls create what is missing and replace what is to be replaced.
 *
 * Compose before 2.27 counts `depends_on` in the hash and drops it under `--no-deps`, so that a container made that way would be
 * replaced by the next `docker compose up` by hand. So dependencies are followed there wherever that does nothing to
 * them; only otherwise is the other hash put up with.
 */
export const planCreate = (facts: CreateFacts): readonly CreateCall[] => {
  const { services, recreate } = facts;
  const replaced =
    recreate === 'never'
      ? []
      : services.filter((name) => isThere(facts, name) && (recreate === 'always' || !isCurrent(facts, name)));
  const others = services.filter((name) => !replaced.includes(name) && isIncomplete(facts, name));
  // What is missing comes first, so that it is there when what needs it is replaced.
  const calls: readonly CreateCall[] = [
    { services: others, recreate: 'never', dependencies: shouldFollow(facts, others, (name) => isThere(facts, name)) },
    {
      services: replaced,
      recreate: 'always',
      dependencies: shouldFollow(facts, replaced, (name) => others.includes(name) || composeLeavesAlone(facts, name)),
    },
  ];
  return calls.filter((call) => call.services.length > 0);
};

const containersOf = ({ containers }: CreateFacts, name: string): readonly ContainerState[] =>
  containers.filter((each) => each.service === name && !each.oneOff);

const isThere = (facts: CreateFacts, name: string): boolean => containersOf(facts, name).length > 0;

const isIncomplete = (facts: CreateFacts, name: string): boolean =>
  containersOf(facts, name).length !== facts.rendered.services[name]?.replicas;

/** Of this definition and this image. */
const isCurrent = (facts: CreateFacts, name: string): boolean => {
  const service = facts.rendered.services[name];
  if (service === undefined) return false;
  const imageId = facts.imageIds.get(service.image);
  return containersOf(facts, name).every((each) => hasSameDefinition(service, each) && each.imageId === imageId);
};

/** As Compose sees it, which knows one hash only and counts containers. */
const composeLeavesAlone = (facts: CreateFacts, name: string): boolean => {
  const service = facts.rendered.services[name];
  const own = containersOf(facts, name);
  return (
    service !== undefined &&
    own.length === service.replicas &&
    isCurrent(facts, name) &&
    own.every((each) => each.configHash === service.hash)
  );
};

const shouldFollow = (
  facts: CreateFacts,
  services: readonly string[],
  isHarmless: (dependency: string) => boolean,
): boolean => {
  const matters = services.some(
    (name) => facts.rendered.services[name]?.hash !== facts.rendered.services[name]?.hashAlone,
  );
  const others = [...dependenciesOfAll(facts.rendered.services, services)].filter((name) => !services.includes(name));
  return matters && others.every(isHarmless);
};
