import type { ContainerState } from '../compose/engine.ts';
import type { Clock } from '../system/clock.ts';
import { describeExit, describeStopped, restartsSince } from './container-state.ts';

/** Restarts from which on it is a crash loop; one may be a service that came up before the one it needs. */
const CRASH_LOOP = 2;
const CRASH_LOOP_PREFIX = 'crash loop';

/** The restart count a container had when it was started; null: unknown, then its count proves nothing. */
export type RestartBaseline = (container: ContainerState) => number | null;

/**
 * Why waiting for these containers is useless, or null: a crash loop, or one that has stopped and that the engine will not
 * start again. Pass only containers that are meant to stay up: not one-offs, nor services that end when their work is done.
 */
export const hopelessReason = (containers: readonly ContainerState[], baseline: RestartBaseline): string | null => {
  for (const container of containers) {
    const before = baseline(container);
    const restarts = before === null ? 0 : restartsSince(container, before);
    if (restarts >= CRASH_LOOP)
      return `${CRASH_LOOP_PREFIX}: ${container.name} restarted ${restarts} times (last ${describeExit(container)})`;
    if (staysDown(container)) return describeStopped(container);
  }
  return null;
};

/** `always` and `unless-stopped` start it again; `on-failure:n` up to n times, and not after exit code 0. */
const staysDown = ({ state, restartPolicy, restartCount, exitCode }: ContainerState): boolean => {
  if (state === 'dead') return true;
  if (state !== 'exited') return false;
  const [policy, most] = restartPolicy.split(':');
  if (policy === 'always' || policy === 'unless-stopped') return false;
  if (policy !== 'on-failure') return true;
  return exitCode === 0 || (most !== undefined && Number(most) > 0 && restartCount >= Number(most));
};

/** Between the first sight of a stopped container and the verdict. */
const GRACE_MS = 1000;

/**
 * `hopelessReason` over time, for `pollGates`: a stopped container counts when the next look, a second or more later, finds it the same
 * (it may just be about to be started), and so does a service without a container: somebody removed it. A crash loop
 * counts at once. Without a baseline, counts start at the first look.
 */
export const createHopelessWatch = (options: {
  readonly containers: () => Promise<readonly ContainerState[]>;
  /** Services that each have a container. */
  readonly services: readonly string[];
  readonly baseline: RestartBaseline;
  readonly clock: Clock;
}): (() => Promise<string | null>) => {
  const firstCounts = new Map<string, number>();
  let suspicion: { readonly reason: string; readonly since: number } | null = null;
  return async () => {
    const containers = await options.containers();
    for (const { id, restartCount } of containers) if (!firstCounts.has(id)) firstCounts.set(id, restartCount);
    const missing = options.services.find((service) => !containers.some((each) => each.service === service));
    const reason =
      missing === undefined
        ? hopelessReason(
            containers,
            (container) => options.baseline(container) ?? firstCounts.get(container.id) ?? null,
          )
        : `${missing} has no container`;
    if (reason === null || reason.startsWith(CRASH_LOOP_PREFIX)) {
      suspicion = null;
      return reason;
    }
    const now = options.clock.monotonic();
    if (suspicion?.reason !== reason) suspicion = { reason, since: now };
    return now - suspicion.since >= GRACE_MS ? reason : null;
  };
};
