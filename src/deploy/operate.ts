import { join } from 'node:path';
import type { Job } from '../config/notifier.ts';
import { DeployError, messageOf, toDeployError } from '../errors.ts';
import { acquireLock } from '../operation/lock.ts';
import {
  beginOperation,
  currentUser,
  listOperations,
  type Operation,
  type OperationKind,
  type Outcome,
} from '../operation/operations.ts';
import { openReleases } from '../operation/releases.ts';
import { findState, openState, type StateDirectory } from '../operation/state.ts';
import { refuseWhileHalted } from '../operation/unfinished.ts';
import { runnerMarker } from '../system/marker.ts';
import { giveToOwner } from '../system/ownership.ts';
import type { AppOptions } from './app-options.ts';
import type { Context } from './context.ts';
import { recoverUnfinished } from './recover-operations.ts';
import type { OperationScope } from './scope.ts';
import { recordSteps } from './step-recorder.ts';
import { type Telling, telling } from './telling.ts';

/** One run of the command: its options, and the world as `context` once somebody asked for it. */
export interface Session {
  readonly options: AppOptions;
  context(): Promise<Context>;
}

export interface Work<P, T> {
  /** Reads only; rejects with what a person must mend before anything is touched. `state` null: never used here. */
  prepare(context: Context, state: StateDirectory | null): Promise<P>;
  run(context: Context, scope: OperationScope, prepared: P): Promise<T>;
}

const outcomes: Readonly<Partial<Record<DeployError['code'], Outcome>>> = {
  'rolled-back': 'rolled-back',
  interrupted: 'interrupted',
  'interrupted-before': 'interrupted',
  halted: 'halted',
};

const outcomeOf = (error: DeployError, exitCode: number): Outcome =>
  outcomes[error.code] ?? (exitCode === 12 ? 'refused' : 'failed');

/** All is done, but the next operation will take this one for dead. */
const unended = (operation: Operation, cause: unknown): DeployError =>
  new DeployError('halted', `${operation.kind} is done, but that could not be written down: ${messageOf(cause)}`, {
    hint: 'df -h; then kaleem-deploy recover',
    cause,
  });

/** The same command may have come twice and have waited for the lock: whoever typed it asks what became of the first. */
const refuseWhatWasDone = async (state: StateDirectory, requestId: string | null): Promise<void> => {
  if (requestId === null) return;
  const done = (await listOperations(state)).find((record) => record.requestId === requestId);
  if (done === undefined) return;
  throw new DeployError('done-before', `${requestId} has been done: ${done.kind} ${done.id}`, {
    hint: 'kaleem-deploy history says how it ended',
  });
};

/** Holds the project's lock while `use` runs; `describe` says what for, as far as it is known by now. */
export const withLock = async <T>(
  session: Session,
  context: Context,
  kind: string,
  use: (describe: (operation: string) => void) => Promise<T>,
): Promise<T> => {
  const { options } = session;
  const { clock, signal, requestId } = options;
  const since = clock.now().toISOString();
  const holder = {
    pid: process.pid,
    operation: '',
    kind,
    who: currentUser(),
    since,
    runner: runnerMarker(),
    requestId,
  };
  const lock = await acquireLock({ engineId: context.engine.id, project: context.project.name }, holder, {
    ...{ waitMs: options.lockWaitMs, clock, signal },
  });
  try {
    return await use((operation) => lock.describe({ ...holder, operation }));
  } finally {
    await lock.release();
  }
};

export interface What<P> {
  readonly kind: OperationKind;
  readonly subject: string | ((prepared: P) => string);
  /** What was typed, for who is told before the subject is known. */
  readonly asked?: string;
  /** The tag that was live before. */
  readonly previous?: (prepared: P) => string | null;
  /** The work that somebody waits for, when this is it. */
  readonly job?: Job | null;
}

/**
 * Runs an operation: lock, recover what died, prepare (nothing written so far), then the operation with its journal, whose
 * last line says how it ended. After that, and without the lock, whoever is to be told of it is told.
 */
export const inOperation = <P, T>(session: Session, what: What<P>, work: Work<P, T>): Promise<T> => {
  const { kind, job } = what;
  const subject = what.asked ?? (typeof what.subject === 'string' ? what.subject : '');
  return telling<T>(session, { kind, subject, job }, (told) => operate(session, what, work, told));
};

const operate = async <P, T>(session: Session, what: What<P>, work: Work<P, T>, told: Telling): Promise<T> => {
  const { options } = session;
  const { clock, redactor, signal, config, requestId } = options;
  const world = await session.context();
  told.know({ project: world.project.name });
  const recorder = recordSteps(world.progress, clock);
  const context: Context = { ...world, progress: recorder };
  return withLock(session, context, what.kind, async (describe) => {
    const known = await findState(config.stateDirectory);
    if (known !== null) {
      await refuseWhileHalted(known);
      told.recovered(await recoverUnfinished(context, known, { halted: false }));
      await refuseWhatWasDone(known, requestId);
    }
    const prepared = await work.prepare(context, known).catch((error: unknown) => {
      throw signal.aborted
        ? new DeployError('interrupted-before', 'interrupted before anything was touched', { cause: error })
        : error;
    });
    const subject = typeof what.subject === 'string' ? what.subject : what.subject(prepared);
    const state = await openState(config.stateDirectory);
    const operation = await beginOperation({
      ...{ state, kind: what.kind, subject, who: currentUser(), runner: runnerMarker(), requestId },
      ...{ clock, redactor, signal },
    });
    describe(operation.id);
    told.know({ subject, previous: what.previous?.(prepared) ?? null, operation: operation.id });
    told.begun();
    options.log.writeTo(join(operation.directory, 'log.jsonl'));
    try {
      const result = await work.run(
        context,
        { state, releases: openReleases(state), operation, steps: recorder.steps },
        prepared,
      );
      await operation.end('succeeded', 0).catch((error: unknown) => {
        throw unended(operation, error);
      });
      return result;
    } catch (thrown) {
      const error = toDeployError(thrown);
      const exitCode = options.exitCodeOf(error);
      // The first failure is the one to report; a journal without an end says by itself that a recovery must look.
      await operation.end(outcomeOf(error, exitCode), exitCode, error).catch((failure: unknown) => {
        context.progress.warn(`how it ended could not be written down: ${messageOf(failure)}`);
      });
      throw error;
    } finally {
      // Root may deploy, or back up, in a user's project; the user goes on with it.
      for (const directory of [config.stateDirectory, config.backup.directory]) {
        await giveToOwner(directory).catch((failure: unknown) => {
          context.progress.warn(`${directory} could not be given to its owner: ${messageOf(failure)}`);
        });
      }
    }
  });
};
