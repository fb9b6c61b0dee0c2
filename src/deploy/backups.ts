import { dirname, resolve } from 'node:path';
import { type BackupEntry, findBackup, listBackups } from '../backup/catalogue.ts';
import { isEncrypted } from '../backup/manifest.ts';
import { clearMark, setMark } from '../backup/marks.ts';
import { filterText } from '../backup/namespace-filter.ts';
import { type VerifyProgress, verifyBackup } from '../backup/verify.ts';
import { verifyMarked } from '../backup/verify-marked.ts';
import { DeployError, messageOf } from '../errors.ts';
import { currentUser } from '../operation/operations.ts';
import { listReleases, type Release } from '../operation/releases.ts';
import { backUp, partialLabel } from './back-up.ts';
import { checkedIdentityFiles } from './backup-keys.ts';
import type { Context } from './context.ts';
import { noDatabase, withDatabase } from './database.ts';
import { inOperation, type Session } from './operate.ts';
import { findPlace, lookAtPlace } from './places.ts';
import { pushNew } from './push.ts';
import type { BackupRequest, PinRequest, VerifyRequest } from './requests.ts';
import type {
  BackupDetail,
  BackupSummary,
  PinResult,
  UnverifiedBackup,
  VerifyReport,
  VerifyResult,
} from './results.ts';
import { telling } from './telling.ts';

const summarise = (
  { id, path, manifest, problem, marks }: BackupEntry,
  releases: readonly Release[],
): BackupSummary => ({
  ...{ id, path, problem, bytes: manifest?.bytes ?? 0 },
  tag: manifest?.release ?? null,
  createdAt: manifest?.createdAt ?? null,
  documents: manifest?.documents ?? null,
  consistency: manifest?.consistency ?? null,
  partial: manifest?.partial ?? null,
  durationMs: manifest?.durationMs ?? null,
  neededBy: releases.filter((release) => release.backup === id).map((release) => release.id),
  verifiedAt: marks.verified?.at ?? null,
  pinned: marks.pinned?.reason ?? null,
  encrypted: isEncrypted(path),
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

/** A backup while the application runs: point-in-time where the server can do that, and labelled where it can't. */
export const createBackupNow = (session: Session, { filter }: BackupRequest): Promise<BackupDetail> =>
  inOperation(
    session,
    {
      kind: 'backup',
      subject: filter === null ? '' : filterText(filter),
      // Nothing relies on a partial one.
      job: filter === null ? 'backup' : null,
    },
    {
      prepare: async (context: Context) => {
        if (context.config.database === null) throw noDatabase(' to back up');
        await withDatabase(context, async () => {});
      },
      run: async (context, scope) => {
        const { operation, releases } = scope;
        const tag = (await releases.live())?.tag ?? 'manual';
        const { id } = await backUp(context, operation, {
          label: filter === null ? tag : partialLabel(tag),
          filter,
          consistency: 'snapshot',
          title: 'back up the database',
        });
        await pushNew(context, scope, id);
        const entry = await findBackup(context.config.backup.directory, id);
        return detail(entry, await releases.list());
      },
    },
  );

export const backupList = async (session: Session): Promise<readonly BackupSummary[]> => {
  const { stateDirectory, backup } = session.options.config;
  const releases = await listReleases(stateDirectory);
  const entries = await listBackups(backup.directory);
  return entries.map((entry) => summarise(entry, releases));
};

/** Of a place for copies, which is asked. */
export const backupCopies = async (session: Session, place: string): Promise<readonly BackupSummary[]> => {
  const { options } = session;
  const releases = await listReleases(options.config.stateDirectory);
  const entries = await lookAtPlace(options, findPlace(options.config, place));
  return entries.map((entry) => summarise(entry, releases));
};

export const backupShow = async ({ options: { config } }: Session, id: string): Promise<BackupDetail> =>
  detail(await findBackup(config.backup.directory, id), await listReleases(config.stateDirectory));

const verifyEntry = async (
  { options }: Session,
  entry: BackupEntry,
  identityFiles: readonly string[],
): Promise<VerifyResult> => {
  const { clock, progress, signal } = options;
  const started = clock.monotonic();
  const verified = await progress.step(`verify ${entry.id}`, (step) => {
    const onProgress = (at: VerifyProgress): void => step.bytes(at.bytes, at.totalBytes);
    // Beside a file from elsewhere nothing of ours is left.
    const reading = { signal, onProgress, identityFiles };
    if (entry.manifest === null) return verifyBackup(entry.path, reading);
    const onUnmarked = (error: unknown): void =>
      progress.warn(`that it was verified is not noted: ${messageOf(error)}`);
    return verifyMarked(entry.path, clock, { ...reading, onUnmarked });
  });
  return {
    ...{ id: entry.id, path: entry.path, bytes: verified.bytes, namespaces: verified.namespaces.length },
    documents: verified.documents,
    elapsedMs: Math.round(clock.monotonic() - started),
    complete: entry.manifest !== null,
  };
};

/** A backup that nobody here can decrypt is not a damaged one. */
const UNVERIFIED: Readonly<Partial<Record<DeployError['code'], 'bad' | 'locked'>>> = {
  'backup-invalid': 'bad',
  'identity-missing': 'locked',
};

const verifyAsked = async (session: Session, asked: VerifyRequest): Promise<VerifyReport> => {
  const { config, progress } = session.options;
  const { directory } = config.backup;
  const identityFiles = await checkedIdentityFiles(config, asked.identity);
  if (asked.which === 'one') {
    const entry = await findBackup(directory, asked.backup);
    return { good: [await verifyEntry(session, entry, identityFiles)], bad: [], locked: [] };
  }
  const all = await listBackups(directory);
  if (all.length === 0) {
    throw new DeployError('not-found', `there is no backup in ${directory}`, {
      hint: '`kaleem-deploy backup create` makes one',
    });
  }
  const good: VerifyResult[] = [];
  const found: Record<'bad' | 'locked', UnverifiedBackup[]> = { bad: [], locked: [] };
  for (const entry of asked.which === 'newest' ? all.slice(0, 1) : all) {
    const { id, path } = entry;
    try {
      good.push(await verifyEntry(session, entry, identityFiles));
    } catch (error) {
      const kind = error instanceof DeployError ? UNVERIFIED[error.code] : undefined;
      if (kind === undefined) throw error;
      found[kind].push({ id, path, problem: messageOf(error) });
      progress.warn(`backup ${id} ${kind === 'bad' ? 'is bad' : 'could not be checked'}: ${messageOf(error)}`);
    }
  }
  return { good, ...found };
};

/** The first thing that is wrong with a report, for whoever was not there. */
const worstOf = ({ good, bad, locked }: VerifyReport): DeployError | null => {
  const [first] = [...bad, ...locked];
  if (first === undefined) return null;
  const count = good.length + bad.length + locked.length;
  const [code, what] =
    bad.length > 0
      ? (['backup-invalid', `${bad.length} of ${count} backups did not verify`] as const)
      : (['identity-missing', `${locked.length} of ${count} backups could not be decrypted here`] as const);
  return new DeployError(code, `${what}; ${first.id}: ${first.problem}`, { hint: 'kaleem-deploy backup list' });
};

/** Reads whole archives: digest, structure, checksums, counts. Of one that was named nobody is told but whoever named it. */
export const backupVerify = (session: Session, asked: VerifyRequest): Promise<VerifyReport> => {
  if (asked.which === 'one') return verifyAsked(session, asked);
  const about = { kind: 'verify', subject: asked.which, job: 'verify', problemOf: worstOf } as const;
  return telling(session, about, async (told) => {
    told.begun();
    return verifyAsked(session, asked);
  });
};

/** Has prune keep a backup whatever its rules say, or no longer. */
export const backupPin = (session: Session, asked: PinRequest): Promise<PinResult> =>
  inOperation(
    session,
    { kind: 'pin', subject: ({ id }: BackupEntry) => (asked.pinned ? id : `off ${id}`) },
    {
      prepare: async ({ config }) => {
        const { directory } = config.backup;
        const entry = await findBackup(directory, asked.backup);
        if (dirname(resolve(entry.path)) === resolve(directory)) return entry;
        throw new DeployError('not-found', `${asked.backup} is not in ${directory}: prune never looks at it`);
      },
      run: async ({ clock }, { operation }, { id, path, marks }) => {
        const { pinned, reason } = asked;
        const was = marks.pinned;
        const changed = pinned ? was === null || was.reason !== reason : was !== null;
        const mark = { at: clock.now().toISOString(), by: currentUser(), reason };
        if (changed) {
          await operation.effect('backup.pin', { id, pinned, reason }, () =>
            pinned ? setMark(path, 'pinned', mark) : clearMark(path, 'pinned'),
          );
        }
        return { operation: operation.id, backup: id, pinned, changed };
      },
    },
  );
