// What every benchmark stands on: a stack of its own, and that everything is gone at the end, on Ctrl-C too.
import { interruptCommand } from '../scripts/demo/kaleem-deploy.ts';
import { createStack, type Stack } from '../scripts/demo/stack.ts';

export interface Bench {
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
  /** What was made last is cleaned up first. */
  atEnd(clean: () => Promise<unknown>): void;
  /** A part of it, with an end of its own. */
  apart<T>(work: (bench: Bench) => Promise<T>): Promise<T>;
  /** Seven services in a folder of their own, nothing of which runs yet. `config`: kaleem-deploy.yml. */
  stack(options: {
    readonly version: string;
    readonly attempts: number;
    readonly config: string | null;
  }): Promise<Stack>;
}

const say = (problem: unknown): void => {
  process.stderr.write(`${problem instanceof Error ? (problem.stack ?? problem.message) : String(problem)}\n`);
};

const withCleaning = async <T>(signal: AbortSignal, work: (bench: Bench) => Promise<T>): Promise<T> => {
  const cleaning: (() => Promise<unknown>)[] = [];
  try {
    return await work({
      signal,
      atEnd: (clean) => void cleaning.push(clean),
      apart: (part) => withCleaning(signal, part),
      async stack(options) {
        const registry = process.env.KALEEM_TEST_REGISTRY;
        if (registry === undefined) throw new Error('KALEEM_TEST_REGISTRY is not set: see bench/README.md');
        signal.throwIfAborted();
        const stack = await createStack({ ...options, registry, prefix: 'kaleem-bench', sleepSeconds: 1 });
        cleaning.push(() => stack.remove());
        return stack;
      },
    });
  } finally {
    for (const clean of cleaning.reverse()) await clean().catch(say);
  }
};

/** Runs a benchmark. Ctrl-C ends the command that runs, as a user's would, and then the work, which must look at the signal. */
export const bench = async (work: (bench: Bench) => Promise<void>): Promise<void> => {
  const interrupted = new AbortController();
  const { signal } = interrupted;
  const interrupt = () => {
    if (signal.aborted) return;
    process.stderr.write('\ninterrupted: cleaning up\n');
    interrupted.abort(new Error('interrupted'));
    void interruptCommand();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  try {
    await withCleaning(signal, work);
  } catch (error) {
    process.exitCode = signal.aborted ? 130 : 1;
    // What an interruption breaks is no finding.
    if (!signal.aborted) say(error);
  }
};
