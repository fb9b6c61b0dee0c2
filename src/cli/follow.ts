import type { Duplex } from 'node:stream';
import { DeployError } from '../errors.ts';
import { askToAbort, followRunner } from '../operation/runner/follower.ts';
import { sendMessage } from '../operation/runner/lines.ts';
import type { Ending, Happening, Hello } from '../operation/runner/protocol.ts';
import type { Job } from './job.ts';
import { resultLines } from './operations.ts';
import { countBytes, newStep, type StepEvents, type StepState } from './render/steps.ts';
import type { Session } from './session.ts';
import { showError } from './show-error.ts';

/** Hands a runner's events to whatever shows steps. */
const eventPlayer = (events: StepEvents, output: Session['output'], clock: Session['clock']) => {
  const steps = new Map<number, StepState>();
  /** What to add to the runner's time to have ours. */
  let offset = 0;

  /** A step whose start was not told any more is one that is over. */
  const over = (event: { readonly step: number; readonly title: string; readonly elapsedMs: number }): StepState => {
    const startedAt = clock.monotonic() - event.elapsedMs;
    const known = steps.get(event.step);
    steps.delete(event.step);
    return known ?? newStep(event.title, startedAt);
  };

  const play = (event: Happening): void => {
    if (event.type === 'started') {
      const state = newStep(event.title, event.at + offset);
      steps.set(event.step, state);
      events.started(state);
    } else if (event.type === 'detail' || event.type === 'bytes') {
      const state = steps.get(event.step);
      if (state === undefined) return;
      if (event.type === 'detail') state.detail = event.text;
      else countBytes(state, event.bytes, clock.monotonic());
      events.changed(state, event.type);
    } else if (event.type === 'finished') {
      const state = over(event);
      state.bytes = event.bytes;
      state.summary = event.summary;
      events.finished(state, event.elapsedMs);
    } else if (event.type === 'failed') events.failed(over(event), event.elapsedMs, event.message);
    else if (event.type === 'log') output.say([event.text]);
    else events[event.type](event.text);
  };

  return {
    play,
    hello: ({ now }: Hello) => {
      offset = clock.monotonic() - now;
    },
  };
};

const showEnding = (session: Session, kind: string, ending: Ending): number => {
  if (ending.error === null) {
    session.showUnlessQuiet(ending.result, (view) => resultLines(kind, ending.result, view));
    return ending.exitCode;
  }
  return showError(session, { report: ending.error, exitCode: ending.exitCode, causes: ending.causes });
};

/** A runner to follow: one that this command started, or one that was found. */
interface Followed {
  readonly kind: string;
  readonly marker: string;
  /** Another one after the connection was lost. */
  channel: Duplex;
  /** What it complained about when it died, where that is known. */
  readonly complaint: Promise<string>;
  /** Tried when it was not done because it had been before: an exit code, or null. */
  readonly doneBefore?: () => Promise<number | null>;
}

const isDoneBefore = ({ error }: Ending): boolean => error !== null && ['locked', 'done-before'].includes(error.code);

/** Its end is told after that of its channel. */
const LAST_WORDS_MS = 5_000;

/** Waited for with a timer: a child that is not waited for otherwise keeps no process alive. */
const lastWords = async ({ complaint }: Followed, clock: Session['clock']): Promise<string> => {
  const heard = new AbortController();
  const silence = clock.sleep(LAST_WORDS_MS, heard.signal).then(
    () => '',
    () => '',
  );
  const words = await Promise.race([complaint, silence]);
  heard.abort();
  return words.trim();
};

const died = async (runner: Followed, clock: Session['clock']): Promise<DeployError> => {
  const { kind } = runner;
  const last = await lastWords(runner, clock);
  return new DeployError('runner-died', `the process that ran this ${kind} died before it said how it ended`, {
    hint: 'kaleem-deploy recover finishes or undoes it',
    details: last === '' ? [] : last.split('\n').slice(-10),
  });
};

/** Follows to the end and shows what happens. Resolves to the operation's exit code; rejects when its process died. */
const followToEnd = async (session: Session, runner: Followed): Promise<number> => {
  const { events, output, clock, options, parts, io } = session;
  const player = eventPlayer(events, output, clock);
  for (let from = 1; ; ) {
    const followed = await followRunner(runner.channel, {
      ...{ from, verbose: options.verbose, onHello: player.hello, onHappening: player.play },
    });
    if (followed.how === 'ended') {
      const { ending } = followed;
      const other = isDoneBefore(ending) ? await runner.doneBefore?.() : null;
      return other ?? showEnding(session, runner.kind, ending);
    }
    if (followed.how === 'incompatible') {
      throw new DeployError('unsupported', 'the operation is run by another version of kaleem-deploy', {
        hint: 'kaleem-deploy lock status says which process it is; use the version that started it',
      });
    }
    // Dropped for not reading (a suspended terminal), or dead.
    const again = await parts.connectToRunner(runner.marker, io.env);
    if (again === null) throw await died(runner, clock);
    runner.channel = again;
    from = followed.next;
  }
};

const untilInterrupted = async (
  session: Session,
  runner: Followed,
  onInterrupt: (by: string, stop: (error: DeployError) => void) => void,
): Promise<number> => {
  const stopped = new Promise<never>((_, reject) => session.onInterrupt((by) => onInterrupt(by, reject)));
  try {
    return await Promise.race([followToEnd(session, runner), stopped]);
  } finally {
    session.onInterrupt(null);
    runner.channel.destroy();
  }
};

const ATTACH = 'kaleem-deploy attach follows it again';
const ABORT = 'kaleem-deploy abort aborts it';

const noLonger = (goesOn: string, hint: string): DeployError =>
  new DeployError('interrupted', `no longer following: ${goesOn}`, { hint });

/**
 * Starts a runner for the job and follows it. Ctrl-C asks it to abort; a second one only stops following, and so does
 * SIGTERM: it is what a login session that is closed from outside gets.
 */
export const followStarted = async (
  session: Session,
  job: Job,
  doneBefore: () => Promise<number | null>,
): Promise<number> => {
  session.signal.throwIfAborted();
  const { kind } = job.request;
  const { marker, channel, gone } = await session.parts.startRunner(kind, session.io);
  const runner: Followed = { kind, marker, channel, complaint: gone.then(({ complaint }) => complaint), doneBefore };
  sendMessage(channel, { type: 'job', job });
  let asked = false;
  return untilInterrupted(session, runner, (by, stop) => {
    if (asked) stop(noLonger(`the ${kind} is being aborted and goes on by itself`, ATTACH));
    else if (by === 'SIGTERM') stop(noLonger(`the ${kind} goes on`, `${ATTACH}, ${ABORT}`));
    else askToAbort(runner.channel, by);
    asked = true;
  });
};

/** Follows a runner that somebody else started. Ctrl-C only stops following: whoever came to look must not undo a deploy. */
export const followFound = (session: Session, found: Omit<Followed, 'complaint'>): Promise<number> =>
  untilInterrupted(session, { ...found, complaint: Promise.resolve('') }, (_, stop) =>
    stop(noLonger(`the ${found.kind} goes on`, `${ATTACH}, ${ABORT}`)),
  );
