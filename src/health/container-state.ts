import type { ContainerState } from '../compose/engine.ts';

/**
 * How often the engine restarted a container since its count was `before`. A lower count means that it is another
 * container, or one started anew by hand: then all of its own count.
 */
export const restartsSince = ({ restartCount }: Pick<ContainerState, 'restartCount'>, before: number): number =>
  restartCount >= before ? restartCount - before : restartCount;

/** `exit code 137, out of memory`. */
export const describeExit = ({ exitCode, oomKilled }: Pick<ContainerState, 'exitCode' | 'oomKilled'>): string =>
  `exit code ${exitCode}${oomKilled ? ', out of memory' : ''}`;

/** What a container that is not running does instead: `kaleem-api-1 has stopped (exit code 1)`. */
export const describeStopped = (container: ContainerState): string => {
  const { name, state, restartCount } = container;
  if (state === 'restarting')
    return `${name} is restarting (${restartCount} restarts, last ${describeExit(container)})`;
  return state === 'exited' || state === 'dead'
    ? `${name} has stopped (${describeExit(container)})`
    : `${name} is ${state}`;
};
