import { DeployError } from '../errors.ts';
import type { Io } from './io.ts';

/** What an abort means to a verb. `reads`: it only looks, so it may simply stop. */
export type Interruption = 'rolls-back' | 'ends' | 'reads';

export interface Interrupts {
  /** Aborted at the first Ctrl-C or SIGTERM, with a DeployError('interrupted'), unless somebody took it over. */
  readonly signal: AbortSignal;
  /** Rejects when a verb that only reads is to stop at once. Never resolves. */
  readonly stopNow: Promise<never>;
  /** From now on Ctrl-C and SIGTERM are told to this instead; null: as before. */
  takeOver(handler: ((by: string) => void) | null): void;
  /** As if Ctrl-C had been pressed, for verbs that only read: whoever read their output is gone. */
  readerGone(): void;
  /** Takes the handlers away again. */
  close(): void;
}

/**
 * Listens for signals while a verb runs. A terminal that hangs up (SIGHUP) ends a verb that reads; whoever follows an
 * operation goes on following, for the sake of whoever waits for its exit code.
 */
export const watchInterrupts = (source: Io['signals'], kind: Interruption): Interrupts => {
  const controller = new AbortController();
  let taken: ((by: string) => void) | null = null;
  let stop: (reason: DeployError) => void = () => {};
  const stopNow = new Promise<never>((_, reject) => {
    stop = reject;
  });
  // Nobody may be waiting when it rejects.
  stopNow.catch(() => {});

  const interrupted = (by: string): void => {
    if (taken !== null) {
      taken(by);
      return;
    }
    const again = controller.signal.aborted;
    controller.abort(new DeployError('interrupted', `interrupted by ${by}`));
    if (again && kind === 'reads') stop(controller.signal.reason);
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
    takeOver: (handler) => {
      taken = handler;
    },
    readerGone: () => {
      if (kind === 'reads') controller.abort(new DeployError('interrupted', 'whoever read the output is gone'));
    },
    close: () => {
      for (const [name, handler] of Object.entries(handlers)) source.off(name, handler);
    },
  };
};

/** An abort looks like whatever was waiting when it came. */
export const isInterruption = (error: unknown, signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true &&
  (error === signal.reason ||
    (error instanceof Error && !(error instanceof DeployError) && error.name === 'AbortError'));
