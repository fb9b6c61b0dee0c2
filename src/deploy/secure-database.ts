import { pauseTtl } from '../backup/ttl.ts';
import { messageOf } from '../errors.ts';
import { backUp } from './back-up.ts';
import { identify, rememberIdentity, withDatabase } from './database.ts';
import { runHook } from './hooks.ts';
import { databaseContainer } from './preflight.ts';
import { hookFacts, NOTE, type Run } from './run.ts';
import { AS_IT_IS, levelsUpTo, switchTo } from './switch.ts';
import { placesOf } from './volume/record.ts';
import { takeSnapshot } from './volume/secure.ts';
import { projectContainers } from './writers.ts';

/** A stack that is down, or was never up, may have data in its volumes all the same: the database starts for the backup. */
const startDatabase = async (run: Run): Promise<void> => {
  const { context, plan, operation, composeFile } = run;
  const { database } = plan.roles;
  if (database === null) return;
  const levels = levelsUpTo(plan.levels, plan.pinned, database);
  const names = levels.flat();
  if (!names.some((name) => plan.stopped.has(name))) return;
  const present = new Set((await projectContainers(context)).map((each) => each.service));
  const missing = names.filter((name) => !present.has(name));
  for (const name of missing) run.started.add(name);
  await context.progress.step('start the database', () =>
    switchTo(
      context,
      {
        ...{ ...AS_IT_IS, file: composeFile, rendered: plan.pinned, levels },
        ...{ recreate: new Set(missing), start: new Set(names) },
      },
      { operation },
    ),
  );
};

/** Dumps the database and verifies the archive. No verified backup, no deploy. */
const backUpDatabase = async (run: Run): Promise<void> => {
  const { context, plan, operation, state } = run;
  await startDatabase(run);
  const container = databaseContainer(plan, await projectContainers(context));
  await withDatabase(context, async (database) => {
    await operation.note(NOTE.ttl, {});
    run.ttl = await pauseTtl(database);
    if (run.ttl.wasOff) await operation.note(NOTE.ttlWasOff, {});
    context.log.debug(run.ttl.reason);
    await rememberIdentity(state, await identify(database, container));
  });
  run.backup = await backUp(context, operation, {
    label: plan.old?.release.tag ?? 'first',
    consistency: 'fenced',
    title: 'back up the database',
  });
  await runPostBackup(run);
};

const runPostBackup = (run: Run): Promise<void> => {
  const { context, operation, composeFile } = run;
  return runHook(context, operation, 'post-backup', { facts: hookFacts(run), composeFile, code: 'backup-failed' });
};

/** Behind the fence: a verified backup, or a snapshot of the database's volume where `prepareSnapshot` has chosen that. */
export const secureDatabase = async (run: Run): Promise<void> => {
  if (run.context.config.database === null || !run.plan.writersChange) return;
  await (run.snapshot === null ? backUpDatabase(run) : takeSnapshot(run));
};

/**
 * Where a snapshot did for the deploy, the backup is taken while the new version serves. It is of that version's data then; that
 * there is none stops nothing any more, and the snapshot stays until there is one.
 */
export const backUpAfterCommit = async (run: Run): Promise<void> => {
  const { context, plan, operation, snapshot } = run;
  if (snapshot === null) return;
  try {
    run.backup = await backUp(context, operation, {
      label: plan.tag,
      consistency: 'snapshot',
      title: 'back up the database, which is in use again',
    });
    await runPostBackup(run);
  } catch (error) {
    context.progress.warn(
      `${plan.tag} is live, but no backup was taken: ${messageOf(error)}; what was there before is in ${placesOf(snapshot.record).join(', ')} until there is one: kaleem-deploy backup create`,
    );
  }
};
