import { type RestoreReport, restoreBackup } from '../backup/restore.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import type { OperationScope } from './operate.ts';
import type { PlannedRestore } from './plan.ts';
import type { Run } from './run.ts';

/** Restores an archive into the application's database. The caller holds the fence and an aside copy. */
export const restoreArchive = (
  context: Context,
  { operation }: Pick<OperationScope, 'operation'>,
  { name, path, extra, force }: PlannedRestore,
): Promise<RestoreReport> =>
  context.progress.step(`restore backup ${name}`, async (step) => {
    const { signal, clock } = context;
    const report = await withDatabase(context, (database) =>
      restoreBackup({
        ...{ database, path, operation, extra, force, signal, clock },
        onProgress: ({ phase, bytes, totalBytes }) => {
          if (phase === 'stage') step.bytes(bytes, totalBytes);
          else step.detail(phase);
        },
      }),
    );
    step.summary(`${report.documents} documents`);
    return report;
  });

/** The backup that a restore or a rollback with database goes back to. What is there now is in the dump taken just before. */
export const restoreChosenBackup = async (run: Run): Promise<void> => {
  const { context, plan } = run;
  if (plan.restore === null) return;
  run.switched = true;
  run.restored = await restoreArchive(context, run, plan.restore);
};
