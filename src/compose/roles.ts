import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { dependentsOf } from './graph.ts';
import type { RenderedProject, RenderedService } from './rendered.ts';

/** Which service is what (DESIGN: edge, writers, fence). A service has one role at most. */
export interface Roles {
  readonly edge: readonly string[];
  readonly writers: readonly string[];
  /** The service that the database's URI names; it is never a writer, whatever its image. */
  readonly database: string | null;
  /** Services whose `image:` uses a release variable. */
  readonly releaseServices: readonly string[];
}

type RolesProject = {
  readonly imageVariables: RenderedProject['imageVariables'];
  readonly services: Readonly<Record<string, Pick<RenderedService, 'name' | 'dependsOn' | 'ports'>>>;
};
type RolesConfig = Pick<Config, 'images' | 'writers' | 'edge' | 'database'>;

/**
 * Roles as configured, or worked out: writers are the release services and what depends on them, but the edge; the edge is
 * what publishes a TCP port and depends on a writer without being a release service.
 *
 * @throws DeployError 'config-invalid' when the config names an unknown service, or gives one two roles
 */
export const workOutRoles = (rendered: RolesProject, config: RolesConfig): Roles => {
  const { services } = rendered;
  checkNames(services, 'writers', config.writers ?? []);
  checkNames(services, 'edge', config.edge ?? []);
  const names = Object.keys(services);
  const database = databaseService(services, config.database?.uri ?? null);
  const releaseServices = names.filter((name) =>
    rendered.imageVariables[name]?.some((variable) => config.images.includes(variable)),
  );
  const sources = config.writers ?? releaseServices.filter((name) => name !== database);
  const dependents = dependentsOf(services, sources);
  const isEdge = (name: string) =>
    dependents.has(name) &&
    !releaseServices.includes(name) &&
    !config.writers?.includes(name) &&
    services[name]?.ports.some(({ protocol }) => protocol === 'tcp');
  const edge = config.edge ?? names.filter((name) => name !== database && isEdge(name));
  const writers =
    config.writers ??
    names.filter(
      (name) => name !== database && !edge.includes(name) && (sources.includes(name) || dependents.has(name)),
    );
  checkOneRole({ edge, writers, database });
  return { edge, writers, database, releaseServices };
};

const checkNames = (services: RolesProject['services'], key: string, names: readonly string[]): void => {
  const unknown = names.filter((name) => services[name] === undefined);
  if (unknown.length === 0) return;
  throw new DeployError(
    'config-invalid',
    `\`${key}\` names ${unknown.join(', ')}, which the compose file does not have`,
    {
      hint: `services are ${Object.keys(services).join(', ')}`,
    },
  );
};

const checkOneRole = ({ edge, writers, database }: Omit<Roles, 'releaseServices'>): void => {
  const both = edge.filter((name) => writers.includes(name));
  if (both.length > 0) {
    throw new DeployError('config-invalid', `${both.join(', ')}: both edge and writer`, {
      hint: 'name it under `edge:` or under `writers:`, not both',
    });
  }
  if (database !== null && (edge.includes(database) || writers.includes(database))) {
    throw new DeployError('config-invalid', `${database} is the database, and can't be edge or writer`, {
      hint: `remove ${database} from \`edge:\` and \`writers:\`: it must run while it is backed up`,
    });
  }
};

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0']);

/** The first host of a mongodb URI that is a service, or a port of this machine that a service publishes. */
const databaseService = (services: RolesProject['services'], uri: string | null): string | null => {
  const authority = uri?.match(/^[a-z+]+:\/\/(?:[^/]*@)?([^/?#]*)/)?.[1] ?? '';
  for (const each of authority.split(',')) {
    const [, host = '', port = '27017'] = each.match(/^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/) ?? [];
    if (services[host] !== undefined) return host;
    if (!LOOPBACK.has(host)) continue;
    const found = Object.values(services).find(({ ports }) =>
      ports.some(({ published, protocol }) => protocol === 'tcp' && published === Number(port)),
    );
    if (found) return found.name;
  }
  return null;
};
