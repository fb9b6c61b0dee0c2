import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { makeDirectory, removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { ArchiveFile } from './archive/archive-file.ts';
import { findLeftovers } from './collections.ts';
import type { Database } from './connection.ts';
import { combineHashes } from './content-hash.ts';
import { type Dump, type DumpOptions, dump, TOOL } from './dump.ts';
import { archiveName, type Consistency, type Manifest, manifestPath, writeManifest } from './manifest.ts';
import { oplogEnd } from './oplog.ts';
import type { Snapshot } from './raw-read.ts';
import { atLeast } from './server-version.ts';

export interface CreateBackupOptions extends DumpOptions {
  /** Created with mode 0700 when missing. */
  readonly directory: string;
  /** From `nextBackupId`. */
  readonly id: string;
  readonly operation: string | null;
  /** The tag that is live, or another label. */
  readonly release: string | null;
  /** gzip level 1 to 9; 0: no compression. */
  readonly compression: number;
  /** Whom it is encrypted to with age (age1...); null, or none given: it is not. */
  readonly recipients?: readonly string[] | null;
  readonly clock: Clock;
}

/** Snapshot reads: replica sets of 5.0 and later. */
const offersSnapshots = ({ server }: Database): boolean =>
  server.replicaSet !== null && atLeast(server.release, 5, 0, 0);

/** The server's history no longer reaches back to the snapshot, or it cannot read from one after all. */
const isSnapshotRefusal = (error: unknown): boolean =>
  ['SnapshotTooOld', 'SnapshotUnavailable', 'SnapshotError', 'InvalidOptions', 'NotImplemented'].includes(
    (error as { codeName?: string }).codeName ?? '',
  );

const explained = (error: unknown, options: CreateBackupOptions): unknown => {
  if (options.signal?.aborted) return options.signal.reason;
  if (error instanceof DeployError) return error;
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
  const problem = full ? `the disk of ${options.directory} is full` : messageOf(error);
  return new DeployError('backup-failed', `backup ${options.id} failed: ${problem}`, {
    cause: error,
    hint: full
      ? 'free some space: `kaleem-deploy prune` removes old backups and images'
      : 'nothing was changed; look at the database and try again',
  });
};

interface Attempt extends Dump {
  readonly sha256: string;
  readonly bytes: number;
  readonly clusterTime: Manifest['clusterTime'];
}

const attempt = async (options: CreateBackupOptions, path: string, snapshot: Snapshot | null): Promise<Attempt> => {
  const before = await oplogEnd(options.database, options.signal);
  const file = await ArchiveFile.create(path, options.compression, options.recipients);
  try {
    const dumped = await dump(options, file, snapshot);
    const time = snapshot?.atClusterTime ?? null;
    const clusterTime = time === null ? before : { seconds: time.t, increment: time.i };
    return { ...dumped, ...(await file.finish()), clusterTime };
  } catch (error) {
    await file.abandon();
    throw error;
  }
};

const attemptConsistently = async (
  options: CreateBackupOptions,
  path: string,
): Promise<Attempt & { readonly consistency: Consistency }> => {
  if (options.consistency === 'fenced') return { ...(await attempt(options, path, null)), consistency: 'fenced' };
  if (offersSnapshots(options.database)) {
    try {
      const snapshot: Snapshot = { atClusterTime: null };
      const done = await attempt(options, path, snapshot);
      // A server that knows no snapshots may ignore the wish; only the time it answers with is proof.
      const empty = done.namespaces.every(({ type }) => type === 'view');
      if (snapshot.atClusterTime !== null || empty) return { ...done, consistency: 'snapshot' };
      return { ...done, consistency: 'not-point-in-time' };
    } catch (error) {
      if (!isSnapshotRefusal(error)) throw error;
    }
  }
  return { ...(await attempt(options, path, null)), consistency: 'not-point-in-time' };
};

/** A restore that was cut short left live data under temporary names: a dump now would miss it without a word. */
const refuseHalfRestored = async ({ database, signal }: CreateBackupOptions): Promise<void> => {
  const kept = (await findLeftovers(database, signal)).filter(({ kind }) => kind === 'kept');
  if (kept.length === 0) return;
  throw new DeployError(
    'backup-failed',
    `operation ${kept[0]?.operation} was cut short in a restore: ${kept.length} collections still have temporary names`,
    {
      hint: 'run `kaleem-deploy recover` first',
      details: kept.map(({ db, collection }) => `${db}.${collection}`),
    },
  );
};

/**
 * Dumps the database into `<directory>/<id>.archive.gz` (or `.archive.gz.age`), with a manifest beside it that is written last. Both are
 * private (0600) and durable when this resolves. On any failure nothing stays behind: `backup-failed`, or the signal's
 * reason. The archive is what `mongodump --archive --gzip` writes. It has not been verified yet.
 */
export const createBackup = async (given: CreateBackupOptions): Promise<Manifest> => {
  const { operation, clock, directory, id } = given;
  const options = operation === null ? given : { ...given, database: given.database.marked(operation) };
  const encrypted = (options.recipients ?? null) !== null;
  const archive = archiveName(id, { compressed: options.compression > 0, encrypted });
  const path = join(directory, archive);
  try {
    await makeDirectory(directory);
    if (await stat(path).catch(() => null)) throw new DeployError('backup-failed', `${path} is there already`);
    await refuseHalfRestored(options);
    const createdAt = clock.now().toISOString();
    const started = clock.monotonic();
    const done = await attemptConsistently(options, path);
    const { hash, documents, bytes } = combineHashes(done.hashed);
    const { version, replicaSet, replicaSetId, ferretdb } = options.database.server;
    const manifest: Manifest = {
      ...{ formatVersion: 1, id, archive, sha256: done.sha256, bytes: done.bytes, createdAt },
      ...{ operation, release: options.release, toolVersion: TOOL, serverVersion: version },
      database: { replicaSet, replicaSetId, ferretdb },
      ...(options.filter ? { partial: options.filter } : {}),
      ...{ scope: options.database.name, consistency: done.consistency, clusterTime: done.clusterTime },
      ...{ durationMs: Math.round(clock.monotonic() - started), contentHash: hash, documents, dataBytes: bytes },
      namespaces: [...done.namespaces],
    };
    await around('backup.manifest', () => writeManifest(directory, manifest)).catch(async (error: unknown) => {
      await removeDurably(manifestPath(path)).catch(() => {});
      await removeDurably(path).catch(() => {});
      throw error;
    });
    return manifest;
  } catch (error) {
    throw explained(error, options);
  }
};
