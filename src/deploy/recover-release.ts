import { listBackups } from '../backup/catalogue.ts';
import type { Manifest } from '../backup/manifest.ts';
import { recoverRestore } from '../backup/restore.ts';
import { endServerOperations } from '../backup/server-operations.ts';
import { resumeTtl } from '../backup/ttl.ts';
import { renderFile } from '../compose/render.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { JournalEntry } from '../operation/journal.ts';
import type { Outcome } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import { openFence, raiseFence } from './close.ts';
import { backupWhenLeft } from './commit.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import type { Detached } from './fence/networks.ts';
import { passGates } from './gates.ts';
import { lift } from './lift.ts';
import { requireFirewall } from './maintenance-off.ts';
import { storedRelease } from './old-good.ts';
import { composeFileOf, NOTE, type Run, runOf } from './run.ts';
import type { OperationScope } from './scope.ts';
import { AS_IT_IS, switchTo } from './switch.ts';
import { bringBack, bringDatabaseBack, endNewWriters, undoSteps } from './undo.ts';
import { planOf, readUndoRecord, type UndoRecord } from './undo-record.ts';
import { longRunning } from './verify.ts';
import { isWholeSnapshot, listSnapshotRecords } from './volume/record.ts';
import { ofServices, projectContainers } from './writers.ts';

/** How an operation that had died ended after all. */
export interface Ending {
  readonly outcome: Outcome;
  readonly exitCode: number | null;
  /** Of what did not succeed. */
  readonly error: DeployError | null;
  /** For a person: "v0.0.2 is live again". */
  readonly summary: string;
}

const noted = (entries: readonly JournalEntry[], step: string): boolean =>
  entries.some((entry) => entry.type === 'note' && entry.step === step);

/** The dump that the operation took behind its fence; what came after it are aside copies. */
const backupOf = async (context: Context, operation: string): Promise<Manifest | null> => {
  const found = await listBackups(context.config.backup.directory);
  return found.findLast(({ manifest }) => manifest?.operation === operation)?.manifest ?? null;
};

const detachedBy = (entries: readonly JournalEntry[]): readonly Detached[] =>
  entries
    .filter(({ type, step }) => type === 'intent' && step === 'fence.detach')
    .map(({ data }) => data as unknown as Detached);

/** The run as it was when its process died, as far as it matters for what is left to do. */
const rebuildRun = async (
  context: Context,
  scope: OperationScope,
  entries: readonly JournalEntry[],
  found: { readonly record: UndoRecord; readonly envBefore: Buffer | null },
): Promise<Run> => {
  const { operation, releases } = scope;
  const { record, envBefore } = found;
  const composeFile = composeFileOf(operation);
  const rendered = await renderFile(context.project, context, composeFile);
  const release = record.old === null ? null : await releases.get(record.old.release);
  if (record.old !== null && release === null) {
    throw new DeployError(
      'release-not-found',
      `release ${record.old.release}, which was live before, is not kept any more`,
    );
  }
  const old =
    record.old === null || release === null
      ? null
      : {
          ...(await storedRelease(context, releases, release)),
          ...{ running: new Set(record.old.running), containers: new Set(record.old.containers) },
        };
  const before = { failing: new Set(record.before.failing), unwell: new Set(record.before.unwell) };
  const run = runOf(context, scope, {
    plan: planOf(record, rendered, old),
    composeFile,
    envBefore,
    before,
    dataBytes: null,
  });
  run.switched = noted(entries, NOTE.switched);
  run.backup = await backupOf(context, operation.id);
  if (run.switched && run.backup === null && noted(entries, NOTE.ttl)) {
    throw new DeployError(
      'backup-invalid',
      `the backup that this ${operation.kind} took is not in ${context.config.backup.directory} any more`,
      {
        hint: `put it back there; or keep what runs now: kaleem-deploy recover --accept`,
      },
    );
  }
  if (noted(entries, NOTE.volume)) {
    const record = (await listSnapshotRecords(scope.state)).find((each) => each.operation === operation.id);
    if (record !== undefined) run.snapshot = { record, helper: null };
  }
  if (noted(entries, NOTE.ttl) && !noted(entries, NOTE.ttlWasOff)) {
    run.ttl = {
      paused: true,
      wasOff: false,
      reason: 'it was paused before the process died',
      resume: resumeTtlIfPossible,
    };
  }
  const fence = entries.findLast(({ type, step }) => type === 'note' && step === NOTE.fence);
  if (fence !== undefined) {
    const { mode } = fence.data as { readonly mode: string };
    const firewall = mode === 'stop' ? null : await requireFirewall(context);
    run.fence = await openFence(run, firewall, await projectContainers(context), detachedBy(entries));
  }
  return run;
};

/** Once all is decided the snapshot may be gone; until then there is no way back without it. */
const requireSnapshot = ({ switched, snapshot, operation, state }: Run, entries: readonly JournalEntry[]): void => {
  if (!switched || !noted(entries, NOTE.volume) || (snapshot !== null && isWholeSnapshot(snapshot.record))) return;
  throw new DeployError(
    'backup-invalid',
    `what is known of the snapshot that this ${operation.kind} took is not in ${state.path} any more`,
    { hint: 'put it back there; or keep what runs now: kaleem-deploy recover --accept' },
  );
};

/** A server that has no such switch had nothing to pause. */
const resumeTtlIfPossible: NonNullable<Run['ttl']>['resume'] = async (database) => {
  await resumeTtl(database).catch((error: unknown) => {
    if ((error as { codeName?: string }).codeName === undefined) throw error;
  });
};

/** On a first deploy there is no old database to bring back, but what was written to the new one is compared all the same. */
const startDatabaseOf = async ({ context, plan, operation }: Run): Promise<void> => {
  const { database } = plan.roles;
  const containers = database === null ? [] : ofServices(await projectContainers(context), [database]);
  const ids = containers.filter(({ state }) => state !== 'running').map(({ id }) => id);
  if (ids.length > 0) await operation.effect('containers.start', { ids }, () => context.docker.start(ids));
};

/** Ends what the dead process still runs in the database server, and a restore that it was in the middle of. */
const settleDatabase = async (run: Run, entries: readonly JournalEntry[]): Promise<void> => {
  const { context, operation, plan } = run;
  if (context.config.database === null || !noted(entries, NOTE.ttl)) return;
  const settle = () =>
    withDatabase(context, async (database) => {
      await endServerOperations(database, operation.id);
      const restore = await recoverRestore({ database, operation: operation.id, entries });
      if (restore === 'undone') await operation.note('restore.undone', { because: 'recovered' });
    });
  if (!run.switched) {
    // Only read from: what is left there ends with its connection, at the latest.
    await settle().catch((error: unknown) => context.log.debug(`the database was not asked: ${messageOf(error)}`));
    return;
  }
  await endNewWriters(run);
  await (plan.old === null ? startDatabaseOf(run) : bringDatabaseBack(run, plan.old));
  await context.progress.step('end what the dead process left in the database', settle);
};

/** Starts what a committed release has, as it is, and sees it pass the gates. Nothing of the database is touched. */
const finishNew = async (run: Run, live: Release | null): Promise<void> => {
  const { context, plan, operation, composeFile } = run;
  const services = Object.keys(plan.pinned.services);
  const start = new Set(plan.keepsRelease && plan.old !== null ? plan.old.running : services);
  const present = new Set((await projectContainers(context)).map(({ service }) => service));
  await context.progress.step(`start ${plan.tag}`, () =>
    switchTo(
      context,
      {
        ...{ ...AS_IT_IS, file: composeFile, rendered: plan.pinned, levels: plan.levels, start },
        recreate: new Set([...start].filter((name) => !present.has(name))),
      },
      { operation },
    ),
  );
  const running = longRunning(run).filter((name) => start.has(name));
  const planned = plan.images.flatMap(({ services: users }) => users);
  const imageIds = planned.flatMap((name) => {
    const imageId = live?.services[name]?.imageId;
    return imageId === undefined ? [] : [[name, imageId] as const];
  });
  await passGates(
    context,
    context.config.gates.after,
    { imageIds: Object.fromEntries(imageIds), running },
    { ...{ suspects: planned, stabilityMs: 0, code: 'check-failed' }, title: `verify ${plan.tag}` },
  );
};

/** The record of what was found running, when the process died before it could be made the live release. */
const forgetAdopted = async ({ operation, releases }: OperationScope): Promise<void> => {
  const made = (await releases.list()).find((each) => each.operation === operation.id && each.status !== 'live');
  if (made !== undefined) await releases.remove(made.id);
};

/** The operation had said that its release is the live one, and had not begun to go back since. */
const isCommitted = (entries: readonly JournalEntry[], live: Release | null, operation: string): boolean =>
  !noted(entries, NOTE.undo) &&
  (noted(entries, NOTE.committed) || (live?.origin === 'deployed' && live.operation === operation));

const succeeded = (tag: string): Ending => ({
  ...{ outcome: 'succeeded', exitCode: 0, error: null },
  summary: `${tag} is live: the operation had come to its end but for that`,
});

const wentBack = (what: string, { plan }: Run, fate: string): Ending => {
  const state =
    plan.old === null ? 'everything it had started is removed again' : `${plan.old.release.tag} is live again`;
  const summary = `${state} (database ${fate})`;
  const error = new DeployError('rolled-back', `the process of this ${what} died; ${summary}`);
  return { outcome: 'rolled-back', exitCode: 20, error, summary };
};

/**
 * Ends a deploy, rollback or restore that died or halted: forward when its release was the live one already, else back to
 * what was there before. Everything here can die too, and be done again.
 */
export const recoverRelease = async (
  context: Context,
  scope: OperationScope,
  entries: readonly JournalEntry[],
): Promise<Ending> => {
  const { operation, releases } = scope;
  const found = await readUndoRecord(operation.directory);
  const begun = found !== null && (noted(entries, NOTE.fence) || !found.record.writersChange);
  if (!begun) {
    await forgetAdopted(scope);
    const summary = 'it had not touched anything';
    const error = new DeployError('interrupted-before', `the process of this ${operation.kind} died; ${summary}`);
    return { outcome: 'interrupted', exitCode: null, error, summary };
  }
  const run = await rebuildRun(context, scope, entries, found);
  const { plan } = run;
  const live = await releases.live();
  if (isCommitted(entries, live, operation.id)) {
    if (!noted(entries, NOTE.lifted)) {
      if (plan.old !== null && plan.abandonsLive && live?.id !== plan.old.release.id) {
        await releases.update({
          ...plan.old.release,
          status: 'bad',
          backup: backupWhenLeft(run, plan.old.release),
        });
      }
      await finishNew(run, live);
      await lift(run, plan.pinned, plan.keepsRelease && plan.old !== null ? plan.old.running : longRunning(run));
    }
    if (run.snapshot !== null && run.backup === null) {
      context.progress.warn('no backup was taken yet of what the new version has: kaleem-deploy backup create');
    }
    return succeeded(plan.tag);
  }
  if (noted(entries, NOTE.undone)) {
    if (!noted(entries, NOTE.lifted)) {
      if (plan.old !== null) await bringBack(run, plan.old);
      await lift(run, plan.old?.rendered ?? plan.rendered, plan.old?.running ?? []);
    }
    return wentBack(operation.kind, run, 'as it was');
  }
  requireSnapshot(run, entries);
  if (run.fence !== null) {
    await raiseFence(run);
    await run.fence.cut();
  }
  await settleDatabase(run, entries);
  return wentBack(operation.kind, run, await undoSteps(run));
};
