import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasChanged } from '../backup/changed.ts';
import { pinImages } from '../compose/render.ts';
import { parseEnvFile, setVariables } from '../config/env-file.ts';
import { DeployError, messageOf, toDeployError } from '../errors.ts';
import { removeDurably, replaceFile } from '../system/durable-file.ts';
import { asideLabel, backUp } from './back-up.ts';
import { identityFiles } from './backup-keys.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import { passGates } from './gates.ts';
import { heldReferences, holdAgain } from './hold.ts';
import { runHook } from './hooks.ts';
import { lift, resumeTtl } from './lift.ts';
import { belongsTo, type OldGood } from './old-good.ts';
import { restoreArchive } from './restore-backup.ts';
import { hookFacts, NOTE, type Run, unstoppable } from './run.ts';
import { putFilesBack } from './snapshot.ts';
import { levelsUpTo, switchTo, type Target } from './switch.ts';
import { earlyServices } from './switch-to-new.ts';
import { putSnapshotBack } from './volume/put-back.ts';
import { isWholeSnapshot, placesOf } from './volume/record.ts';
import { closeHelper, waitForDatabase } from './volume/secure.ts';
import { sweepSnapshots } from './volume/sweep.ts';
import { killNow, ofServices, projectContainers } from './writers.ts';

/** For a person who must choose: where to look, and what can be done. */
export const waysOut = (project: string, journal: string): readonly string[] => [
  `look: docker compose -p ${project} ps -a; less ${journal}`,
  'to bring the old version back (again): kaleem-deploy recover',
  'to keep what runs now, as it is, and let traffic in: kaleem-deploy recover --accept',
];

/** What an undo did to the database, for the last line a person reads. */
type DatabaseFate = 'not touched' | 'unchanged, so not restored' | 'restored';

/** Services of the failed release that may write: ended first, and at once. */
export const endNewWriters = async (run: Run): Promise<void> => {
  const { context, plan, operation } = run;
  const old = plan.old?.roles.writers ?? [];
  const writers = ofServices(await projectContainers(context), [...plan.roles.writers, ...old]);
  await context.progress.step('stop what the failed version runs', () => killNow(context, operation, writers));
};

/** Brings the database back to the dump, when it changed since; what the failed version wrote is copied aside first. */
const restoreDatabase = async (run: Run): Promise<DatabaseFate> => {
  const { context, plan, operation, backup } = run;
  if (backup === null) return 'not touched';
  const { changed, reason } = await context.progress.step('compare the database with the backup', async (step) => {
    const found = await withDatabase(context, (database) =>
      hasChanged(database.marked(operation.id), backup, { signal: context.signal }),
    );
    step.summary(found.reason);
    return found;
  });
  await operation.note('database.compared', { changed, reason });
  if (!changed) return 'unchanged, so not restored';
  const aside = await backUp(context, operation, {
    label: asideLabel(plan.tag),
    consistency: 'fenced',
    title: 'copy aside what the failed version wrote',
  });
  const path = join(context.config.backup.directory, backup.archive);
  await restoreArchive(
    run,
    { path, identityFiles: identityFiles(context.config), extra: 'drop', force: false, filter: null },
    {
      title: 'restore the database',
      summary: ({ documents }) => `${documents} documents; the aside copy is backup ${aside.id}`,
    },
  );
  return 'restored';
};

/** `.env` as it was before the operation, but for what a person wrote into it meanwhile. */
const restoreEnvFile = async ({ context, plan, envBefore }: Run): Promise<void> => {
  const { envFile } = context.config.compose;
  const now = await readFile(envFile, 'utf8').catch(() => null);
  const before = envBefore?.toString() ?? null;
  if (now === before) return;
  const references = Object.fromEntries(plan.images.map(({ variable, reference }) => [variable, reference]));
  if (now === null && envBefore !== null) return replaceFile(envFile, envBefore);
  if (now === setVariables(before ?? '', references)) {
    return envBefore === null ? removeDurably(envFile) : replaceFile(envFile, envBefore);
  }
  const values = parseEnvFile(before ?? '', envFile);
  const old = Object.keys(references).flatMap((name) => {
    const value = values.get(name)?.value;
    return value === undefined ? [] : [[name, value] as const];
  });
  await replaceFile(envFile, setVariables(now ?? '', Object.fromEntries(old)));
  context.progress.warn(`${envFile} was edited meanwhile: only the release's tags in it were put back`);
};

/** The old release's files, images and compose file as they were; what the new one added is removed. Resolves to the target. */
const readyOld = async (run: Run, old: OldGood): Promise<Target> => {
  const { context, plan, operation } = run;
  await putFilesBack(run, old.snapshot);
  await holdAgain(context, operation, old.release);
  const file = join(operation.directory, 'old-compose.json');
  const held = await heldReferences(context, old.release);
  const rendered = await pinImages(context.project, context, old.rendered, held);
  await replaceFile(file, rendered.text);
  const containers = await projectContainers(context);
  const added = containers.filter((each) => old.rendered.services[each.service] === undefined).map((each) => each.id);
  if (added.length > 0) {
    await operation.effect('containers.remove', { ids: added }, () => context.docker.remove(added));
  }
  const isReplaced = (name: string): boolean => {
    const own = ofServices(containers, [name]);
    return own.length === 0 || own.some((each) => !old.containers.has(each.id) && !belongsTo(old, each));
  };
  const names = Object.keys(old.rendered.services);
  return {
    ...{ file, rendered, levels: old.levels, start: old.running, restart: new Set() },
    recreate: new Set(names.filter((name) => isReplaced(name) || plan.remounted.has(name))),
    fenced: new Set(plan.writersChange ? [...old.roles.writers, ...old.roles.edge] : []),
    early: earlyServices(run, old.roles.edge),
    tolerated: run.before.unwell,
  };
};

/** How much longer than a new version the old one may take, and at least: giving up on it gains nothing and leaves visitors with 503. */
const PATIENCE = { factor: 3, leastMs: 60_000 };

const longer = <T extends { readonly attempts: number; readonly intervalMs: number }>(budget: T): T => {
  const attempts = Math.max(
    budget.attempts * PATIENCE.factor,
    Math.ceil(PATIENCE.leastMs / (budget.intervalMs || 1000)),
  );
  return { ...budget, attempts };
};

/** The same with a budget for a release that is known to be good. */
const patient = (context: Context): Context => {
  const { attempts, gates } = context.config;
  return {
    ...context,
    config: { ...context.config, attempts: longer(attempts), gates: { ...gates, after: gates.after.map(longer) } },
  };
};

/**
 * Makes sure that the old database runs: one that this deploy replaced comes back, for the dump goes into the server it
 * came from, and one that is down is started.
 */
export const bringDatabaseBack = async (run: Run, old: OldGood): Promise<void> => {
  const { plan, operation } = run;
  const context = patient(run.context);
  const { database } = old.roles;
  if (database === null) return;
  const runs = ofServices(await projectContainers(context), [database]).some(({ state }) => state === 'running');
  if (runs && !plan.changed.has(database)) return;
  const target = await readyOld(run, old);
  const levels = levelsUpTo(old.levels, old.rendered, database);
  const names = new Set(levels.flat());
  const recreate = new Set([...target.recreate].filter((name) => names.has(name)));
  await context.progress.step('start the old database', () =>
    switchTo(context, { ...target, levels, recreate, fenced: new Set() }, { operation }),
  );
};

/** The old release from its own snapshot, each image by the digest or id it had, passing the gates that it passed before. */
export const bringBack = async (run: Run, old: OldGood): Promise<void> => {
  const { operation } = run;
  const context = patient(run.context);
  const target = await readyOld(run, old);
  await context.progress.step(`start ${old.release.tag} again`, () =>
    switchTo(context, target, {
      operation,
      beforeStart: async (fresh) => run.fence?.isolate(fresh.map((each) => each.id)),
    }),
  );
  const { services } = old.release;
  const imageIds = Object.fromEntries(Object.entries(services).map(([name, { imageId }]) => [name, imageId]));
  const demanded = context.config.gates.after.filter((gate) => !run.before.failing.has(gate.name));
  const running = [...old.running].filter((name) => !run.before.unwell.has(name));
  await passGates(
    context,
    demanded,
    { imageIds, running },
    {
      ...{ suspects: running, stabilityMs: 0, code: 'check-failed' },
      title: `verify ${old.release.tag}`,
    },
  );
};

/** A database that was stopped for a snapshot of its volume: what writes to it may not wait for it by itself. */
const startStopped = async (run: Run, old: OldGood): Promise<void> => {
  await bringDatabaseBack(run, old);
  await waitForDatabase(patient(run.context));
};

/** The old database, running, with the data that it had. */
const bringDataBack = async (run: Run): Promise<DatabaseFate> => {
  const { old } = run.plan;
  if (run.snapshot !== null && old !== null) {
    const kept = await putSnapshotBack(run, run.snapshot.record);
    await startStopped(run, old);
    return kept === null ? 'unchanged, so not restored' : 'restored';
  }
  if (old !== null) await bringDatabaseBack(run, old);
  return restoreDatabase(run);
};

/** A record that was written before the commit failed. */
const forgetRelease = async ({ operation, releases, plan }: Run): Promise<void> => {
  const all = await releases.list();
  const made = all.find((each) => each.operation === operation.id && each.origin === 'deployed');
  if (made === undefined) return;
  // The commit's last words can fail when the release is live already; the fence was not lifted yet.
  if (plan.old !== null) await releases.setLive(plan.old.release.id);
  if (plan.old !== null || made.status !== 'live') await releases.remove(made.id);
};

/** There was nothing before: what this operation made goes away again, but for volumes, which may hold data. */
const removeFirstDeploy = async (run: Run): Promise<void> => {
  const { context, operation } = run;
  await context.progress.step('remove what was started', () =>
    operation.effect('compose.down', { file: run.composeFile }, () => context.compose.down(run.composeFile)),
  );
};

/**
 * Everything as it was before the operation: what the new version runs is ended, the database compared and restored, the
 * old release brought back and verified, the fence lifted. Can be done again from its start, as long as the journal has
 * no note `undone`.
 */
export const undoSteps = async (run: Run): Promise<DatabaseFate> => {
  const { plan } = run;
  let fate: DatabaseFate = 'not touched';
  if (run.switched && plan.writersChange) {
    await endNewWriters(run);
    fate = await bringDataBack(run);
  } else if (run.snapshot !== null && plan.old !== null) await startStopped(run, plan.old);
  await restoreEnvFile(run);
  await forgetRelease(run);
  if (plan.old === null) {
    await resumeTtl(run);
    await removeFirstDeploy(run);
  } else await bringBack(run, plan.old);
  await run.operation.note(NOTE.undone, {});
  await lift(run, plan.old?.rendered ?? plan.rendered, plan.old?.running ?? []);
  return fate;
};

const halted = (run: Run, first: DeployError, error: unknown): DeployError => {
  const { context, operation, plan, backup, snapshot } = run;
  const { name } = context.project;
  return new DeployError(
    'halted',
    `${plan.tag} failed (${first.message}) and bringing back ${plan.old?.release.tag ?? 'the state before'} failed too: ${messageOf(error)}`,
    {
      cause: error,
      hint: 'nothing more is changed until you decide; once what was in the way is mended: kaleem-deploy recover',
      details: [
        ...(error instanceof DeployError ? error.details : []),
        run.fence?.mode === 'firewall' ? 'outside traffic is still shut out' : 'writers are stopped',
        ...(backup === null
          ? []
          : [`the database before the deploy is backup ${backup.id} in ${context.config.backup.directory}`]),
        ...(snapshot === null || !isWholeSnapshot(snapshot.record)
          ? []
          : [`the snapshot of the database's files is in ${placesOf(snapshot.record).join(', ')}`]),
        ...waysOut(name, join(operation.directory, 'journal.jsonl')),
      ],
    },
  );
};

/**
 * Ends a failed deploy with the old release live, its data as the dump has it, and resolves to the error to report:
 * `rolled-back`, `interrupted`, or `halted` when that failed too (then the fence stays, and both copies).
 */
export const undo = async (run: Run, cause: unknown): Promise<DeployError> => {
  const interrupted = run.context.signal.aborted;
  run.context = unstoppable(run.context);
  const { context, operation, plan } = run;
  const first = toDeployError(cause);
  context.progress.warn(
    interrupted
      ? 'interrupted: going back'
      : `${first.message}: going back to ${plan.old?.release.tag ?? 'what was there'}`,
  );
  let fate: DatabaseFate;
  try {
    if (run.snapshot?.helper != null) await closeHelper(context, run.snapshot.helper);
    // Without this on disk a recovery would take a release that was live for an instant for a good one.
    await operation.note(NOTE.undo, { because: first.message, interrupted });
    fate = await undoSteps(run);
    await sweepSnapshots(context, run, 'rolled-back');
  } catch (error) {
    context.log.error('undo failed', { error: messageOf(error) });
    return halted(run, first, error);
  }
  const facts = { ...hookFacts(run), error: first.message };
  await runHook(context, operation, 'failed', { facts, composeFile: run.composeFile, code: 'check-failed' }).catch(
    (error: unknown) => context.progress.warn(messageOf(error)),
  );
  const state =
    plan.old === null ? 'everything this deploy started is removed again' : `${plan.old.release.tag} is live again`;
  const what = interrupted ? `${plan.tag} was interrupted` : `${plan.tag} failed`;
  const code = interrupted
    ? 'interrupted'
    : first.code === 'backup-failed' || first.code === 'backup-invalid'
      ? first.code
      : 'rolled-back';
  return new DeployError(code, `${what} and ${state} (database ${fate}): ${first.message}`, {
    cause,
    details: first.details,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
};
