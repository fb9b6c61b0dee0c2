import type { RenderedProject, RenderedService } from '../../compose/rendered.ts';
import type { InitSpec } from '../../config/config.ts';

const MONGO_PORT = 27017;

/** The name after `--replSet`, in a mongod command. */
const replicaSetName = (service: RenderedService): string | null => {
  const words = service.command.flatMap((word) => word.split('='));
  const at = words.indexOf('--replSet');
  return at < 0 ? null : (words[at + 1] ?? null);
};

const isProxy = (service: RenderedService): boolean =>
  /(^|\/)nginx(-unprivileged)?(:|@|$)/.test(service.image) && Object.keys(service.dependsOn).length > 0;

/** Steps that everybody needs and nobody should have to write: a replica set to initiate, a proxy to reload. */
const defaultSteps = (rendered: RenderedProject): readonly InitSpec[] =>
  Object.values(rendered.services).flatMap((service): readonly InitSpec[] => {
    const name = replicaSetName(service);
    if (name !== null) {
      return [{ type: 'mongo-replica-set', service: service.name, name, host: `${service.name}:${MONGO_PORT}` }];
    }
    return isProxy(service) ? [{ type: 'nginx-reload', service: service.name }] : [];
  });

const key = (spec: InitSpec): string => `${spec.service} ${spec.type}`;

/** What the configuration says, and the defaults for what it does not mention. */
export const initSpecs = (configured: readonly InitSpec[], rendered: RenderedProject): readonly InitSpec[] => {
  const said = new Set(configured.map(key));
  return [...configured, ...defaultSteps(rendered).filter((spec) => !said.has(key(spec)))];
};
