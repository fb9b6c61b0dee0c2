import type { RenderedProject } from '../../compose/rendered.ts';
import type { InitSpec } from '../../config/config.ts';
import type { Operation } from '../../operation/operations.ts';
import type { Context } from '../context.ts';
import { ofServices, projectContainers } from '../writers.ts';
import { initSpecs } from './defaults.ts';
import { initCommand, nginxReload, redisCluster } from './in-container.ts';
import { mongoReplicaSet } from './mongo-replica-set.ts';
import { qdrantCollection } from './qdrant-collection.ts';
import { rabbitmqQueue } from './rabbitmq-queue.ts';
import type { InitStep } from './step.ts';

const steps = {
  'mongo-replica-set': mongoReplicaSet,
  'nginx-reload': nginxReload,
  'redis-cluster': redisCluster,
  'qdrant-collection': qdrantCollection,
  'rabbitmq-queue': rabbitmqQueue,
  command: initCommand,
} satisfies { readonly [T in InitSpec['type']]: InitStep<T> };

/** Runs the init steps of services that have just become healthy. */
export const runInitSteps = async (
  context: Context,
  operation: Operation,
  services: readonly string[],
  options: {
    readonly rendered: RenderedProject;
    /** Services that were started just now: what was done to them is news. */
    readonly fresh: ReadonlySet<string>;
  },
): Promise<void> => {
  const { rendered, fresh } = options;
  // A proxy that has just started has read its configuration, and looked its upstreams up, a moment ago.
  const specs = initSpecs(context.config.init, rendered).filter(
    (spec) => services.includes(spec.service) && !(spec.type === 'nginx-reload' && fresh.has(spec.service)),
  );
  if (specs.length === 0) return;
  const containers = await projectContainers(context);
  for (const spec of specs) {
    const [container] = ofServices(containers, [spec.service]);
    if (container === undefined) continue;
    const step = steps[spec.type] as InitStep<InitSpec['type']>;
    const outcome = await operation.effect('init', { service: spec.service, type: spec.type }, () =>
      step(context, spec, container),
    );
    if (spec.type === 'mongo-replica-set' && fresh.has(spec.service))
      context.progress.note(`${spec.service}: ${outcome}`);
    else context.log.debug(`${spec.service}: ${outcome}`);
  }
};
