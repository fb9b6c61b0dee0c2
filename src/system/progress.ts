/**
 * What an operation tells a person while it runs. The command line renders it (a live display, plain lines, nothing);
 * whoever does the work only says what it is doing.
 */
export interface Progress {
  /** Runs one step. The title says what is done ("back up the database"); steps may run side by side. */
  step<T>(title: string, run: (step: Step) => Promise<T>): Promise<T>;
  /** A line worth keeping that is not a step. */
  note(text: string): void;
  /** Something a person should look at although it stops nothing. Shown even with --quiet. */
  warn(text: string): void;
}

export interface Step {
  /** What the step does at this moment ("collection users"); each replaces the one before. */
  detail(text: string): void;
  /** Bytes done so far, and in all where that is known. */
  bytes(done: number, total: number | null): void;
  /** What came of it ("412 documents"), shown on the finished line. */
  summary(text: string): void;
}

const silentStep: Step = { detail: () => {}, bytes: () => {}, summary: () => {} };

/** For callers nobody watches. */
export const silentProgress: Progress = {
  step: (_title, run) => run(silentStep),
  note: () => {},
  warn: () => {},
};
