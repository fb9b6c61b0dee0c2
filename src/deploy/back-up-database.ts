import { pauseTtl } from '../backup/ttl.ts';
import { backUp } from './back-up.ts';
import { identify, rememberIdentity, withDatabase } from './database.ts';
import { runHook } from './hooks.ts';
import { databaseContainer } from './preflight.ts';
import { NOTE, type Run } from './run.ts';
import { AS_IT_IS, levelsUpTo, switchTo } from './switch.ts';
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

/** Dumps the database behind the fence and verifies the archive. No verified backup, no deploy. */
export const backUpDatabase = async (run: Run): Promise<void> => {
  const { context, plan, operation, state } = run;
  if (context.config.database === null || !plan.writersChange) return;
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
  const facts = { tag: plan.tag, previousTag: plan.old?.release.tag ?? null, backup: run.backup.id };
  await runHook(context, operation, 'post-backup', { facts, composeFile: run.composeFile, code: 'backup-failed' });
};
