import { type BackupEntry, findBackup, listBackups } from '../backup/catalogue.ts';
import { verifyBackup } from '../backup/verify.ts';
import { DeployError } from '../errors.ts';
import { openReleases, type Release } from '../operation/releases.ts';
import { findState } from '../operation/state.ts';
import { backUp } from './back-up.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import { inOperation, type Session } from './operate.ts';
import type { BackupDetail, BackupSummary, VerifyResult } from './results.ts';

const summarise = ({ id, path, manifest, problem }: BackupEntry, releases: readonly Release[]): BackupSummary => ({
  ...{ id, path, problem, bytes: manifest?.bytes ?? 0 },
  tag: manifest?.release ?? null,
  createdAt: manifest?.createdAt ?? null,
  documents: manifest?.documents ?? null,
  consistency: manifest?.consistency ?? null,
  durationMs: manifest?.durationMs ?? null,
  neededBy: releases.filter((release) => release.backup === id).map((release) => release.id),
});

const detail = (entry: BackupEntry, releases: readonly Release[]): BackupDetail => ({
  ...summarise(entry, releases),
  sha256: entry.manifest?.sha256 ?? null,
  contentHash: entry.manifest?.contentHash ?? null,
  serverVersion: entry.manifest?.serverVersion ?? null,
  operation: entry.manifest?.operation ?? null,
  namespaces: (entry.manifest?.namespaces ?? []).map(({ db, collection, type, documents, bytes, indexes }) => ({
    ...{ db, collection, type, documents, bytes, indexes },
  })),
});

const releasesOf = async (session: Session): Promise<readonly Release[]> => {
  const state = await findState(session.options.config.stateDirectory);
  return state === null ? [] : openReleases(state).list();
};

/** A backup while the application runs: point-in-time where the server can do that, and labelled where it can't. */
export const createBackupNow = (session: Session): Promise<BackupDetail> =>
  inOperation(
    session,
    { kind: 'backup', subject: '' },
    {
      prepare: async (context: Context) => {
        if (context.config.database === null) {
          throw new DeployError(
            'config-invalid',
            'there is no database to back up: the configuration says `database: none`',
          );
        }
        await withDatabase(context, async () => {});
      },
      run: async (context, { operation, releases }) => {
        const live = await releases.live();
        const { id } = await backUp(context, operation, {
          label: live?.tag ?? 'manual',
          consistency: 'snapshot',
          title: 'back up the database',
        });
        const entry = await findBackup(context.config.backup.directory, id);
        return detail(entry, await releases.list());
      },
    },
  );

export const backupList = async (session: Session): Promise<readonly BackupSummary[]> => {
  const releases = await releasesOf(session);
  const entries = await listBackups(session.options.config.backup.directory);
  return entries.map((entry) => summarise(entry, releases));
};

export const backupShow = async (session: Session, id: string): Promise<BackupDetail> =>
  detail(await findBackup(session.options.config.backup.directory, id), await releasesOf(session));

/** Reads the whole archive: digest, structure, checksums, counts. */
export const backupVerify = async (session: Session, idOrFile: string): Promise<VerifyResult> => {
  const { config, clock, progress, signal } = session.options;
  const started = clock.monotonic();
  const entry = await findBackup(config.backup.directory, idOrFile);
  const verified = await progress.step(`verify ${idOrFile}`, (step) =>
    verifyBackup(entry.path, { signal, onProgress: ({ bytes, totalBytes }) => step.bytes(bytes, totalBytes) }),
  );
  return {
    ...{ id: entry.id, path: entry.path, bytes: verified.bytes, namespaces: verified.namespaces.length },
    documents: verified.documents,
    elapsedMs: Math.round(clock.monotonic() - started),
    complete: entry.manifest !== null,
  };
};
