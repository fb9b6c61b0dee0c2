import { messageOf } from '../errors.ts';
import { runHook } from './hooks.ts';
import { pruneAll } from './prune.ts';
import { hookFacts, type Run } from './run.ts';
import { backUpAfterCommit } from './secure-database.ts';
import { sweepSnapshots } from './volume/sweep.ts';

/** What follows once the new release serves. Nothing here can fail the deploy: it is committed. */
export const afterCommit = async (run: Run): Promise<void> => {
  const { context, operation, releases } = run;
  const { progress } = context;
  const live = run.release;
  await backUpAfterCommit(run);
  if (live !== null) {
    await releases
      .update({ ...live, downtimeMs: run.downtimeMs, backupDurationMs: run.backup?.durationMs ?? null })
      .catch((error: unknown) => progress.warn(`how long it was down is not on record: ${messageOf(error)}`));
  }
  await pruneAll(context, operation, releases).catch((error: unknown) =>
    progress.warn(`pruning failed: ${messageOf(error)}`),
  );
  await sweepSnapshots(context, run, 'succeeded');
  const facts = hookFacts(run);
  await runHook(context, operation, 'post-deploy', { facts, composeFile: run.composeFile, code: 'check-failed' }).catch(
    (error: unknown) => progress.warn(`${messageOf(error)} (the release is live all the same)`),
  );
};
