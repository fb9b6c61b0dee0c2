import type { Plan } from '../deploy/results.ts';
import type { Clock } from '../system/clock.ts';
import { ask, assertConfirmable } from './confirm.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interruption } from './interrupt.ts';
import type { Io, Place } from './io.ts';
import type { Output } from './output.ts';
import { painter } from './render/paint.ts';
import { planLines } from './render/plan.ts';
import { createStepEvents } from './render/progress.ts';
import { progressOf, type StepEvents } from './render/steps.ts';
import type { View } from './render/view.ts';
import type { RunnerLauncher } from './runner-link.ts';
import { openWorkspace, type Parts, type Workspace, type WorkspaceOptions } from './workspace.ts';

export type FrontParts = Parts & RunnerLauncher;

/** One run of one verb, as the command that was typed sees it. */
export interface Session extends Workspace {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly parts: FrontParts;
  readonly signal: AbortSignal;
  readonly interruption: Interruption;
  readonly clock: Clock;
  /** Shows what happens, here or in a runner. */
  readonly events: StepEvents;
  /** Takes Ctrl-C and SIGTERM over; null gives them back. */
  onInterrupt(handler: ((by: string) => void) | null): void;
  /** The result: the data as it is with --json, else the lines. */
  show(data: unknown, lines: (view: View) => readonly string[]): void;
  /** The same for what was only to be done, or to be well: with --quiet nothing is said of it. */
  showUnlessQuiet(data: unknown, lines: (view: View) => readonly string[]): void;
  /** Throws 'needs-confirmation' when there is no --yes and nobody to ask: the first thing a destructive verb does. */
  assertConfirmable(what: string): void;
  /** Asks; not when the plan destroys nothing. */
  confirm(what: string, plan: () => Promise<Plan>): Promise<void>;
  /** The result of --dry-run. */
  showPlan(plan: Plan): void;
  /** Runs another command line in this process, elsewhere; Ctrl-C is its from now on. Resolves to its exit code. */
  runInstead(argv: readonly string[], place: Place): Promise<number>;
}

export interface SessionOptions
  extends Pick<Session, 'io' | 'options' | 'output' | 'parts' | 'signal' | 'interruption' | 'onInterrupt'>,
    Pick<WorkspaceOptions, 'redactor' | 'onConfig'> {
  /** The program itself. */
  readonly main: (argv: readonly string[], io: Io) => Promise<number>;
}

export const createSession = (given: SessionOptions): Session => {
  const { io, options, output, parts, signal, interruption, onInterrupt } = given;
  const { clock } = parts;
  const events = createStepEvents(io, output, clock, options);
  const mirror = options.verbose ? (line: string) => output.say([line]) : null;
  const session: Session = {
    ...openWorkspace({ ...given, progress: progressOf(events, clock), mirror }),
    ...{ io, options, output, parts, signal, interruption, clock, events, onInterrupt },
    show(data, lines) {
      if (options.json) output.document(data);
      else output.result(lines({ now: clock.now(), paint: painter(io.stdout, io.env) }));
    },
    showUnlessQuiet(data, lines) {
      if (options.json || !options.quiet) session.show(data, lines);
    },
    assertConfirmable: (what) => assertConfirmable(io, options.yes, what),
    async confirm(what, plan) {
      const { destroys } = await plan();
      if (destroys.length > 0) await ask(io, output, signal, { what, destroys });
    },
    showPlan: (plan) => session.show(plan, () => planLines(plan)),
    runInstead(argv, place) {
      onInterrupt(() => {});
      io.move(place);
      return given.main(argv, { ...io, ...place });
    },
  };
  return session;
};
