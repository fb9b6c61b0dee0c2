import { join } from 'node:path';
import { nextBackupId } from '../backup/catalogue.ts';
import type { Database } from '../backup/connection.ts';
import { createBackup } from '../backup/create.ts';
import type { Manifest } from '../backup/manifest.ts';
import type { NamespaceFilter } from '../backup/namespace-filter.ts';
import { verifyMarked } from '../backup/verify-marked.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import { identityFiles, recipientsOf } from './backup-keys.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';

export interface BackUpOptions {
  /** What the backup is of: the tag that was live, or {@link asideLabel}. */
  readonly label: string;
  readonly consistency: Manifest['consistency'];
  /** Not there: everything, as whatever a deploy relies on must be. */
  readonly filter?: NamespaceFilter | null;
  readonly title: string;
}

const ASIDE = 'aside-';

/** Of a backup of what a version left that is being undone. */
export const asideLabel = (tag: string): string => `${ASIDE}${tag}`;
/** Of a backup of some collections only, so that nobody takes it for more when it is listed. */
export const partialLabel = (tag: string): string => `${tag}-partial`;
export const isAside = (label: string): boolean => label.startsWith(ASIDE);

/** Anything that goes wrong while a backup is made is one failure for a person: no backup, no deploy. */
const asBackupFailure = (error: unknown): DeployError =>
  error instanceof DeployError
    ? error
    : new DeployError('backup-failed', `the backup failed: ${messageOf(error)}`, { cause: error });

const take = async (
  context: Context,
  operation: Operation,
  database: Database,
  options: BackUpOptions,
): Promise<Manifest> => {
  const { config, clock, progress, signal } = context;
  const { directory, compression } = config.backup;
  const id = await nextBackupId(directory, options.label);
  return progress.step(options.title, (step) =>
    operation.effect(
      'backup.create',
      { id, directory, label: options.label },
      async () => {
        const manifest = await createBackup({
          ...{ database, directory, id, compression, signal, clock },
          recipients: await recipientsOf(context),
          operation: operation.id,
          release: options.label,
          consistency: options.consistency,
          filter: options.filter ?? null,
          onProgress: ({ bytes, totalBytes, namespace }) => {
            step.detail(namespace ?? '');
            step.bytes(bytes, totalBytes);
          },
        });
        step.detail('verifying');
        await verifyMarked(join(directory, manifest.archive), clock, {
          ...{ signal, identityFiles: identityFiles(config) },
        });
        step.summary(`${id}, ${manifest.documents} documents`);
        return manifest;
      },
      (manifest) => ({ id, sha256: manifest.sha256, contentHash: manifest.contentHash }),
    ),
  );
};

/** Dumps the database and verifies the archive by reading it all again. */
export const backUp = (context: Context, operation: Operation, options: BackUpOptions): Promise<Manifest> =>
  withDatabase(context, (database) => take(context, operation, database, options)).catch((error: unknown) => {
    throw context.signal.aborted ? context.signal.reason : asBackupFailure(error);
  });
