import { type BackupEntry, findBackup, listBackups } from '../backup/catalogue.ts';
import { type DrillReport, drillBackup } from '../backup/drill.ts';
import { restoreNeedsBytes } from '../backup/verify.ts';
import { DeployError } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import { checkedIdentityFiles } from './backup-keys.ts';
import type { Context } from './context.ts';
import { noDatabase, withDatabase } from './database.ts';
import { inOperation, type Session } from './operate.ts';
import { requireDisk } from './preflight.ts';
import type { DrillRequest } from './requests.ts';
import { showRestore } from './restore-backup.ts';
import type { DrillResult } from './results.ts';

/** The backup itself, or what the server makes of it: that is what a drill is to find out. */
const FINDINGS = ['backup-invalid', 'restore-failed', 'unsupported'];

const chosen = async ({ config }: Context, { backup }: DrillRequest) => {
  const { directory } = config.backup;
  const found = backup === null ? (await listBackups(directory)).find((each) => each.manifest !== null) : null;
  if (found === undefined) {
    throw new DeployError('not-found', `there is no backup in ${directory}`, { hint: 'kaleem-deploy backup create' });
  }
  return found ?? findBackup(directory, backup ?? '');
};

interface Chosen extends Pick<BackupEntry, 'id' | 'path'> {
  readonly identityFiles: readonly string[];
}

const rehearse = (context: Context, operation: Operation, { id, path, identityFiles }: Chosen): Promise<DrillReport> =>
  context.progress.step(`restore backup ${id} into a scratch database`, async (step) => {
    const { clock, signal } = context;
    const project = context.project.name;
    const report = await withDatabase(context, (database) =>
      drillBackup({
        ...{ database, project, path, identityFiles, operation, signal, clock },
        onProgress: showRestore(step),
      }),
    ).catch((error: unknown) => {
      if (!(error instanceof DeployError && FINDINGS.includes(error.code))) throw error;
      throw new DeployError('check-failed', `backup ${id} cannot be restored: ${error.message}`, {
        cause: error,
        details: error.details,
        hint: 'nothing live was touched; make another backup, and try that: kaleem-deploy backup create',
      });
    });
    step.summary(`${report.documents} documents, as the backup has them`);
    return report;
  });

/** Restores a backup beside the live database, compares, and removes it again. `check-failed`: it can't be restored. */
export const drill = (session: Session, request: DrillRequest): Promise<DrillResult> =>
  inOperation(
    session,
    {
      kind: 'drill',
      ...{ asked: request.backup ?? '', subject: ({ id }: Chosen) => id },
      job: request.backup === null ? 'drill' : null,
    },
    {
      prepare: async (context): Promise<Chosen> => {
        const { config, engine } = context;
        if (config.database === null) throw noDatabase();
        const entry = await chosen(context, request);
        if (engine.local && entry.manifest !== null) {
          const bytes = restoreNeedsBytes(entry.manifest);
          await requireDisk([{ path: engine.rootDirectory, bytes, what: 'the scratch database' }]);
        }
        return { ...entry, identityFiles: await checkedIdentityFiles(config, request.identity) };
      },
      run: async (context, { operation }, chosenOne) => {
        const started = context.clock.monotonic();
        const { documents, bytes, namespaces, warnings } = await rehearse(context, operation, chosenOne);
        for (const warning of warnings) context.progress.warn(warning);
        const elapsedMs = Math.round(context.clock.monotonic() - started);
        return { operation: operation.id, backup: chosenOne.id, documents, bytes, namespaces, elapsedMs, warnings };
      },
    },
  );
