import { basename, dirname } from 'node:path';
import { listBackups, removeBackup } from '../backup/catalogue.ts';
import type { Database } from '../backup/connection.ts';
import { pullFolder } from '../backup/copies/pull.ts';
import { dropScratch } from '../backup/drill.ts';
import { scratchPrefix } from '../backup/names.ts';
import { endServerOperations } from '../backup/server-operations.ts';
import { OPERATION_LABEL } from '../compose/labels.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { JournalEntry } from '../operation/journal.ts';
import {
  type Operation,
  type OperationRecord,
  operationName,
  resumeOperation,
  sweepUnbegun,
  unfinishedOperations,
} from '../operation/operations.ts';
import { journalOf } from '../operation/records.ts';
import { openReleases } from '../operation/releases.ts';
import type { StateDirectory } from '../operation/state.ts';
import { removeDurably, removeTemporaries } from '../system/durable-file.ts';
import { endOrphans } from '../system/orphans.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import { turnOff } from './maintenance-off.ts';
import { readMaintenance } from './maintenance-record.ts';
import { type Ending, recoverRelease } from './recover-release.ts';
import type { Recovered } from './results.ts';
import { unstoppable } from './run.ts';
import type { OperationScope } from './scope.ts';
import { waysOut } from './undo.ts';
import { sweepSnapshots } from './volume/sweep.ts';

const QUIET_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/** The engine may still be at what the dead process asked of it last: waits until its containers stay as they are. */
const untilQuiet = async ({ docker, project, clock }: Context): Promise<void> => {
  const look = async (): Promise<string> => {
    const containers = await docker.containers(project.name, { all: true });
    return containers
      .map(({ id, state, name }) => `${id} ${state} ${name}`)
      .sort()
      .join();
  };
  const deadline = clock.monotonic() + LONGEST_WAIT_MS;
  let last = await look();
  for (;;) {
    await clock.sleep(QUIET_MS);
    const now = await look();
    if (now === last || clock.monotonic() > deadline) return;
    last = now;
  }
};

/** Containers of hooks that the dead process was running. */
const removeOneOffs = async ({ docker, project }: Context, operation: Operation): Promise<void> => {
  const containers = await docker.containers(project.name, { all: true });
  const own = containers.filter(({ oneOff, labels }) => oneOff && labels[OPERATION_LABEL] === operation.id);
  const ids = own.map(({ id }) => id);
  if (ids.length === 0) return;
  const alive = own.filter(({ state }) => state === 'running' || state === 'paused').map(({ id }) => id);
  if (alive.length > 0) await operation.effect('containers.kill', { ids: alive }, () => docker.kill(alive));
  await operation.effect('containers.remove', { ids }, () => docker.remove(ids));
};

/** Steps in which the archive of a backup is there and its manifest is not. */
const WRITES_BACKUP = ['backup.create', 'backup.remove', 'copy.pull'];

/** Half-written files. A backup without a manifest goes when this operation was writing it, or was removing it. */
const sweepFiles = async (context: Context, scope: OperationScope, entries: readonly JournalEntry[]): Promise<void> => {
  const { state, operation, releases } = scope;
  const { compose, backup } = context.config;
  await releases.sweep();
  const kept = (await releases.list()).map(({ id }) => dirname(releases.composePath(id)));
  for (const directory of [state.path, operation.directory, state.releases, ...kept, backup.directory]) {
    await removeTemporaries(directory);
  }
  const live = await releases.live();
  const mounted = live === null ? [] : (await releases.snapshot(live.id)).files.map(({ path }) => path);
  for (const path of [compose.envFile, ...mounted]) await removeTemporaries(dirname(path), [basename(path)]);
  await removeDurably(pullFolder(backup.directory));
  const ids = entries.flatMap(({ type, step, data }) =>
    type === 'intent' && WRITES_BACKUP.includes(step) ? [(data as { readonly id?: unknown }).id] : [],
  );
  for (const entry of await listBackups(backup.directory)) {
    if (entry.manifest === null && ids.includes(entry.id)) await removeBackup(entry);
  }
};

const HARMLESS_ENDINGS: Readonly<Record<'backup' | 'prune' | 'pin' | 'drill' | 'push' | 'pull', string>> = {
  backup: 'a backup that it had not finished is gone; nothing else was touched',
  prune: 'what was left to remove goes with the next one',
  pin: 'nothing else was touched',
  drill: 'nothing else was touched',
  push: 'the next one goes on with it',
  pull: 'nothing else was touched',
};

const harmlessEnding = (kind: keyof typeof HARMLESS_ENDINGS): Ending => {
  const summary = HARMLESS_ENDINGS[kind];
  const error = new DeployError('interrupted', `the process of this ${kind} died; ${summary}`);
  return { outcome: 'failed', exitCode: null, error, summary };
};

const endDrill = async ({ project }: Context, database: Database, operation: string): Promise<void> => {
  await endServerOperations(database, operation);
  await dropScratch(database, scratchPrefix(project.name, operation));
};

const endingOf = async (
  context: Context,
  scope: OperationScope,
  record: OperationRecord,
  entries: readonly JournalEntry[],
): Promise<Ending> => {
  switch (record.kind) {
    case 'drill':
      await withDatabase(context, (database) => endDrill(context, database, record.id)).catch((failure: unknown) => {
        context.progress.warn(
          `what the drill restored could not be removed, the next one tries again: ${messageOf(failure)}`,
        );
      });
      return harmlessEnding(record.kind);
    case 'backup':
    case 'prune':
    case 'pin':
    case 'push':
    case 'pull':
      return harmlessEnding(record.kind);
    case 'maintenance': {
      await turnOff(context, scope, await readMaintenance(scope.state));
      const summary = 'requests get through';
      if (record.subject === 'off') return { outcome: 'succeeded', exitCode: 0, error: null, summary };
      const error = new DeployError('interrupted', `the process of this maintenance died; ${summary}`);
      return { outcome: 'interrupted', exitCode: null, error, summary };
    }
    default:
      return recoverRelease(context, scope, entries);
  }
};

const runnerOf = ([begin]: readonly JournalEntry[]): string | null => {
  const { runner } = (begin?.data ?? {}) as { readonly runner?: unknown };
  return typeof runner === 'string' ? runner : null;
};

/** Everything the process left behind that still moves. */
const endWhatItLeft = async (
  context: Context,
  operation: Operation,
  entries: readonly JournalEntry[],
): Promise<void> => {
  const runner = runnerOf(entries);
  if (runner !== null) await endOrphans(runner, { clock: context.clock });
  await untilQuiet(context);
  await removeOneOffs(context, operation);
};

const recoverOne = async (given: Context, state: StateDirectory, record: OperationRecord): Promise<Recovered> => {
  // Going half the way back helps nobody: what was begun is finished, whatever is pressed.
  const context = unstoppable(given);
  const { clock, redactor, signal, progress } = context;
  const name = operationName(record);
  progress.warn(`${name} ${record.outcome === 'halted' ? 'halted' : 'died before it ended'}: recovering`);
  const { operation, entries, leave } = await resumeOperation(record, { state, clock, redactor, signal });
  const scope: OperationScope = { state, operation, releases: openReleases(state), steps: [] };
  try {
    await operation.note('recover', { pid: process.pid });
    await endWhatItLeft(context, operation, entries);
    const { outcome, exitCode, error, summary } = await endingOf(context, scope, record, entries);
    await sweepFiles(context, scope, entries);
    await sweepSnapshots(context, scope, outcome);
    await operation.end(outcome, exitCode, error ?? undefined);
    progress.note(`${name}: ${summary}`);
    return { operation: record.id, kind: record.kind, subject: record.subject, outcome, summary };
  } catch (error) {
    throw new DeployError('halted-earlier', `${name} could not be recovered: ${messageOf(error)}`, {
      cause: error,
      hint: error instanceof DeployError && error.hint !== undefined ? error.hint : 'kaleem-deploy recover',
      details: [
        ...(error instanceof DeployError ? error.details : []),
        ...waysOut(context.project.name, journalOf(state, record.id)),
      ],
    });
  } finally {
    await leave();
  }
};

/**
 * Finishes or undoes what died, oldest first, before anything else is done. The caller holds the lock. `halted`: also what
 * halted, which waits for a person to ask for it.
 *
 * @throws DeployError 'halted-earlier' when one can't be brought to either version; it stays as it is, to be tried again
 */
export const recoverUnfinished = async (
  context: Context,
  state: StateDirectory,
  options: { readonly halted: boolean },
): Promise<readonly Recovered[]> => {
  const recovered: Recovered[] = [];
  await sweepUnbegun(state);
  await removeTemporaries(state.path);
  for (const record of (await unfinishedOperations(state)).toReversed()) {
    if (record.outcome === 'halted' && !options.halted) continue;
    recovered.push(await recoverOne(context, state, record));
  }
  return recovered;
};
