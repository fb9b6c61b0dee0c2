import type { ContainerState } from '../compose/engine.ts';
import type { Operation } from '../operation/operations.ts';
import type { Context } from './context.ts';

/** The project's own containers, one-offs of `docker compose run` left out. */
export const projectContainers = async (
  context: Context,
  signal = context.signal,
): Promise<readonly ContainerState[]> =>
  (await context.docker.containers(context.project.name, { all: true, signal })).filter((each) => !each.oneOff);

export const ofServices = (
  containers: readonly ContainerState[],
  names: Iterable<string>,
): readonly ContainerState[] => {
  const wanted = new Set(names);
  return containers.filter((each) => wanted.has(each.service));
};

/**
 * Rules of the firewall don't outlive a reboot; so that fenced containers don't start by themselves after one, they
 * have no restart policy until the lift. The policies they had are in the journal.
 */
export const holdRestarts = async (
  context: Context,
  operation: Operation,
  containers: readonly ContainerState[],
): Promise<void> => {
  const held = containers.filter((each) => each.restartPolicy !== 'no');
  if (held.length === 0) return;
  const policies = Object.fromEntries(held.map((each) => [each.id, each.restartPolicy]));
  await operation.effect('restart-policy.hold', { policies }, () =>
    context.docker.setRestartPolicy(
      held.map((each) => each.id),
      'no',
    ),
  );
};

/** Gives containers the restart policies that their release says. */
export const releaseRestarts = async (
  context: Context,
  operation: Operation,
  policies: Readonly<Record<string, string>>,
): Promise<void> => {
  const containers = await projectContainers(context, new AbortController().signal);
  const byPolicy = new Map<string, string[]>();
  for (const each of containers) {
    const policy = policies[each.service];
    if (policy === undefined || policy === each.restartPolicy) continue;
    byPolicy.set(policy, [...(byPolicy.get(policy) ?? []), each.id]);
  }
  for (const [policy, ids] of byPolicy) {
    await operation.effect('restart-policy.release', { policy, ids }, () =>
      context.docker.setRestartPolicy(ids, policy),
    );
  }
};

/** Stops containers gracefully, dependents before what they depend on, each with its own grace period. */
export const stopGracefully = async (
  context: Context,
  operation: Operation,
  containers: readonly ContainerState[],
  options: {
    /** Start order; it is walked backwards. */
    readonly levels: readonly (readonly string[])[];
    readonly graceMs: (service: string) => number;
  },
): Promise<void> => {
  const running = containers.filter(
    (each) => each.state === 'running' || each.state === 'restarting' || each.state === 'paused',
  );
  const known = new Set(options.levels.flat());
  const unordered = running.filter((each) => !known.has(each.service)).map((each) => each.service);
  for (const level of [...options.levels, unordered].toReversed()) {
    const group = ofServices(running, level);
    if (group.length === 0) continue;
    const services = [...new Set(group.map((each) => each.service))];
    await operation.effect('containers.stop', { ids: group.map((each) => each.id), services }, () =>
      Promise.all(group.map((each) => context.docker.stop([each.id], options.graceMs(each.service)))),
    );
  }
};

/** Ends containers at once: what a failed version still runs has no claim to a graceful end. */
export const killNow = async (
  context: Context,
  operation: Operation,
  containers: readonly ContainerState[],
): Promise<void> => {
  const ids = containers.filter((each) => !['exited', 'created', 'dead'].includes(each.state)).map((each) => each.id);
  if (ids.length === 0) return;
  await operation.effect('containers.kill', { ids }, () => context.docker.kill(ids));
};
