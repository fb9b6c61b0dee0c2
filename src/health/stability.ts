import type { ContainerState } from '../compose/engine.ts';
import type { Clock } from '../system/clock.ts';
import { abortable } from './abortable.ts';
import { describeExit, describeStopped } from './container-state.ts';
import { duration } from './detail.ts';

const LOOK_EVERY_MS = 500;

/**
 * Watches containers for `stabilityMs`: the same ones, running since the same moment, none unhealthy. Resolves with the
 * first problem, in one line, or null. Rejects when they can't be looked at, or with the signal's reason.
 * `containers` gives those that are meant to stay up: not one-offs, nor services that end when their work is done.
 */
export const watchStability = async (options: {
  readonly containers: () => Promise<readonly ContainerState[]>;
  readonly stabilityMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<string | null> => {
  const { clock, stabilityMs, signal } = options;
  signal.throwIfAborted();
  const look = () => abortable(options.containers(), signal);
  const first = await look();
  const until = clock.monotonic() + stabilityMs;
  for (let now = first; ; now = await look()) {
    const problem = firstProblem(first, now, stabilityMs);
    const leftMs = until - clock.monotonic();
    if (problem !== null || leftMs <= 0) return problem;
    await clock.sleep(Math.min(LOOK_EVERY_MS, leftMs), signal);
  }
};

const firstProblem = (
  before: readonly ContainerState[],
  now: readonly ContainerState[],
  stabilityMs: number,
): string | null => {
  const byId = new Map(now.map((container) => [container.id, container]));
  for (const container of before) {
    const current = byId.get(container.id);
    const problem = current === undefined ? `${container.name} is gone` : changed(container, current);
    if (problem !== null) return `not stable for ${duration(stabilityMs)}: ${problem}`;
  }
  return null;
};

const changed = (before: ContainerState, now: ContainerState): string | null => {
  if (now.state !== 'running') return describeStopped(now);
  if (now.restartCount !== before.restartCount || now.startedAt !== before.startedAt)
    return `${now.name} was restarted (last ${describeExit(now)})`;
  if (now.health === 'unhealthy' || (before.health === 'healthy' && now.health !== 'healthy'))
    return `the health check of ${now.name} says ${now.health ?? 'nothing any more'}`;
  return null;
};
