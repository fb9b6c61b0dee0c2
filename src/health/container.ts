import type { ContainerState } from '../compose/engine.ts';
import type { GateSpec } from '../config/config.ts';
import { abortable } from './abortable.ts';
import { describeExit, describeStopped, restartsSince } from './container-state.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { assertPlanned } from './planned.ts';

/**
 * Every container of the service is running, healthy where it has a health check, made from the planned image, and has
 * not restarted since the baseline. Where there is no baseline, it must not have restarted since the gate's last look.
 */
export const containerGate = (spec: Extract<GateSpec, { type: 'container' }>, context: GateContext): Gate => {
  const { service } = spec;
  const lastLook = new Map<string, number>();
  return defineGate({
    spec,
    async attempt({ signal }) {
      const containers = (await abortable(context.container(service), signal)).filter(({ oneOff }) => !oneOff);
      const baseline = context.baseline(service)?.restartCount;
      const counted = containers.map((container) => {
        const since = baseline ?? lastLook.get(container.id) ?? container.restartCount;
        lastLook.set(container.id, container.restartCount);
        return { container, restarts: restartsSince(container, since) };
      });
      if (counted.length === 0) throw new GateFailure(`${service} has no container`);
      const planned = context.plannedImageId(service);
      if (planned !== null) assertPlanned(service, containers, planned);
      for (const { container, restarts } of counted) {
        const problem = stateProblem(container) ?? restartProblem(container, restarts);
        if (problem !== null) throw new GateFailure(problem);
      }
      return describeAll(containers);
    },
  });
};

const stateProblem = (container: ContainerState): string | null => {
  if (container.state !== 'running') return describeStopped(container);
  if (container.health === null || container.health === 'healthy') return null;
  return `${container.name} is running, its health check says ${container.health}`;
};

const restartProblem = (container: ContainerState, restarts: number): string | null =>
  restarts === 0 ? null : `${container.name} restarted ${times(restarts)} (last ${describeExit(container)})`;

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const describeAll = (containers: readonly ContainerState[]): string => {
  const checked = containers.every(({ health }) => health === 'healthy');
  const count = containers.length === 1 ? '' : `${containers.length} containers `;
  return `${count}running${checked ? ' and healthy' : ''}`;
};
