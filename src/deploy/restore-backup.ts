import { type RestoreProgress, type RestoreReport, restoreBackup } from '../backup/restore.ts';
import type { Step } from '../system/progress.ts';
import { withDatabase } from './database.ts';
import type { PlannedRestore } from './plan.ts';
import { markSwitched, type Run } from './run.ts';

/** Shows what a restore does, and its bytes while it reads and sends them. */
export const showRestore =
  (step: Step) =>
  ({ phase, bytes, totalBytes }: RestoreProgress): void => {
    step.detail(phase);
    if (phase === 'verify' || phase === 'stage') step.bytes(bytes, totalBytes);
  };

/** Restores an archive into the application's database, as one step. The caller holds the fence and a copy of what is there. */
export const restoreArchive = (
  { context, operation }: Pick<Run, 'context' | 'operation'>,
  archive: Pick<PlannedRestore, 'path' | 'identityFiles' | 'extra' | 'force' | 'filter'>,
  words: { readonly title: string; readonly summary: (report: RestoreReport) => string },
): Promise<RestoreReport> =>
  context.progress.step(words.title, async (step) => {
    const { signal, clock } = context;
    const { path, identityFiles, extra, force, filter } = archive;
    const report = await withDatabase(context, (database) =>
      restoreBackup({
        ...{ database, path, identityFiles, operation, extra, force, filter, signal, clock },
        onProgress: showRestore(step),
      }),
    );
    step.summary(words.summary(report));
    return report;
  });

/** The backup that a restore or a rollback with database goes back to. What is there now is in the dump taken just before. */
export const restoreChosenBackup = async (run: Run): Promise<void> => {
  const { plan } = run;
  if (plan.restore === null) return;
  await markSwitched(run);
  run.restored = await restoreArchive(run, plan.restore, {
    title: `restore backup ${plan.restore.name}`,
    summary: ({ documents }) => `${documents} documents`,
  });
};
