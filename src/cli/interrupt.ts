import { DeployError } from '../errors.ts';
import type { Io } from './io.ts';

/** What Ctrl-C means to a verb. `reads`: it only looks, so it may simply stop. */
export type Interruption = 'rolls-back' | 'ends' | 'reads';

const said = {
  'rolls-back': [
    'aborting and rolling back; this ends by itself',
    'the rollback goes on and cannot be skipped; `kaleem-deploy status` in another terminal shows where it is',
  ],
  ends: ['aborting; what was begun is cleared away first', 'still clearing away; this cannot be skipped'],
} as const satisfies Record<Exclude<Interruption, 'reads'>, readonly [first: string, again: string]>;

export interface Interrupts {
  /** Aborted at the first Ctrl-C or SIGTERM, with a DeployError('interrupted'). */
  readonly signal: AbortSignal;
  /** Rejects when a verb that only reads is to stop at once. Never resolves. */
  readonly stopNow: Promise<never>;
  /** As if Ctrl-C had been pressed, for verbs that only read: whoever read their output is gone. */
  readerGone(): void;
  /** Takes the handlers away again. */
  close(): void;
}

/**
 * Listens for signals while a verb runs. A terminal that hangs up (SIGHUP) ends a verb that reads; an operation goes on
 * without it, since a half-done deploy is worse than an unwatched one.
 */
export const watchInterrupts = (source: Io['signals'], kind: Interruption, say: (text: string) => void): Interrupts => {
  const controller = new AbortController();
  let stop: (reason: DeployError) => void = () => {};
  const stopNow = new Promise<never>((_, reject) => {
    stop = reject;
  });
  // Nobody may be waiting when it rejects.
  stopNow.catch(() => {});

  const interrupted = (by: string): void => {
    const again = controller.signal.aborted;
    controller.abort(new DeployError('interrupted', `interrupted by ${by}`));
    if (kind !== 'reads') say(said[kind][again ? 1 : 0]);
    else if (again) stop(controller.signal.reason);
  };
  const handlers = {
    SIGINT: () => interrupted('Ctrl-C'),
    SIGTERM: () => interrupted('SIGTERM'),
    SIGHUP: () => {
      if (kind === 'reads') interrupted('SIGHUP');
    },
  };
  for (const [name, handler] of Object.entries(handlers)) source.on(name, handler);
  return {
    signal: controller.signal,
    stopNow,
    readerGone: () => {
      if (kind === 'reads') controller.abort(new DeployError('interrupted', 'whoever read the output is gone'));
    },
    close: () => {
      for (const [name, handler] of Object.entries(handlers)) source.off(name, handler);
    },
  };
};
