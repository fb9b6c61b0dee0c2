import { DeployError } from '../errors.ts';
import type { RenderedService } from './rendered.ts';

/** What of a service the graph is made of. */
export type GraphService = Pick<RenderedService, 'name' | 'dependsOn'>;
type Graph = Readonly<Record<string, GraphService>>;

/** A dependency that is not `required` may be absent from the project. */
const dependenciesOf = (services: Graph, name: string): readonly string[] =>
  Object.keys(services[name]?.dependsOn ?? {}).filter((other) => services[other] !== undefined);

/**
 * Services by the order in which they start: those of one level need only earlier levels, and start together. `order`
 * replaces `depends_on`: one service a level.
 *
 * @throws DeployError 'compose-invalid' naming a cycle in full; 'config-invalid' when `order` names an unknown service, one
 * twice, or not every service
 */
export const dependencyLevels = (services: Graph, order: readonly string[] | null): readonly (readonly string[])[] => {
  if (order !== null) return orderedLevels(services, order);
  const level = new Map<string, number>();
  const visit = (name: string, path: readonly string[]): number => {
    const known = level.get(name);
    if (known !== undefined) return known;
    if (path.includes(name)) refuseCycle([...path.slice(path.indexOf(name)), name]);
    const depths = dependenciesOf(services, name).map((other) => visit(other, [...path, name]) + 1);
    const depth = Math.max(0, ...depths);
    level.set(name, depth);
    return depth;
  };
  const names = Object.keys(services);
  const depth = Math.max(-1, ...names.map((name) => visit(name, [])));
  return Array.from({ length: depth + 1 }, (_, at) => names.filter((name) => level.get(name) === at));
};

const refuseCycle = (cycle: readonly string[]): never => {
  throw new DeployError('compose-invalid', `services wait for each other in a circle: ${cycle.join(' -> ')}`, {
    hint: 'remove one of these `depends_on`',
  });
};

const orderedLevels = (services: Graph, order: readonly string[]): readonly (readonly string[])[] => {
  const names = Object.keys(services);
  const unknown = order.filter((name) => services[name] === undefined);
  const twice = order.filter((name, at) => order.indexOf(name) !== at);
  const missing = names.filter((name) => !order.includes(name));
  const refuse = (reason: string): never => {
    throw new DeployError('config-invalid', `\`order\` ${reason}`, {
      hint: `it must name each of ${names.join(', ')} once`,
    });
  };
  if (unknown.length > 0) refuse(`names ${unknown.join(', ')}, which the compose file does not have`);
  if (twice.length > 0) refuse(`names ${[...new Set(twice)].join(', ')} more than once`);
  if (missing.length > 0) refuse(`does not name ${missing.join(', ')}`);
  return order.map((name) => [name]);
};

/** Every service that needs one of `names`, directly or through others; `names` themselves only where they need each other. */
export const dependentsOf = (services: Graph, names: Iterable<string>): ReadonlySet<string> => {
  const found = new Set<string>();
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const other of Object.keys(services)) {
      if (found.has(other) || !dependenciesOf(services, other).includes(name)) continue;
      found.add(other);
      pending.push(other);
    }
  }
  return found;
};

/** Every service that one of `names` needs, directly or through others. */
export const dependenciesOfAll = (services: Graph, names: Iterable<string>): ReadonlySet<string> => {
  const found = new Set<string>();
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const other of dependenciesOf(services, name)) {
      if (found.has(other)) continue;
      found.add(other);
      pending.push(other);
    }
  }
  return found;
};
