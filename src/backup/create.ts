import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { makeDirectory, removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { VERSION } from '../version-number.ts';
import { ArchiveFile } from './archive/archive-file.ts';
import { crcText } from './archive/crc64.ts';
import { toExtendedJson } from './archive/extended-json.ts';
import { ARCHIVE_VERSION, namespaceOf } from './archive/format.ts';
import { openNamespace, writePrelude } from './archive/writer.ts';
import { findLeftovers, type LiveCollection, listCollections } from './collections.ts';
import type { Database } from './connection.ts';
import { combineHashes, type HashedNamespace, namespaceHash } from './content-hash.ts';
import { definitionText, digestFor, indexName } from './definition.ts';
import {
  archiveName,
  type Consistency,
  type Manifest,
  type ManifestNamespace,
  manifestPath,
  writeManifest,
} from './manifest.ts';
import { isAccessControl } from './names.ts';
import { oplogEnd } from './oplog.ts';
import { readCollection, type Snapshot } from './raw-read.ts';
import { atLeast } from './server-version.ts';

/** Who wrote an archive: for people, nothing depends on it. */
const TOOL = `kaleem-deploy ${VERSION}`;

export interface BackupProgress {
  /** The collection being dumped. */
  readonly namespace: string | null;
  readonly documents: number;
  /** Uncompressed bytes of documents dumped so far, and in all as the server estimates it. */
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export interface CreateBackupOptions {
  readonly database: Database;
  /** Created with mode 0700 when missing. */
  readonly directory: string;
  /** From `nextBackupId`. */
  readonly id: string;
  readonly operation: string | null;
  /** The tag that is live, or another label. */
  readonly release: string | null;
  /**
   * `fenced` is the caller's word that nothing writes; a collection that comes, goes or changes meanwhile is then an
   * error. Anything else: a snapshot where the server offers one, and the label `not-point-in-time` where not.
   */
  readonly consistency: Consistency;
  /** gzip level 1 to 9; 0: no compression. */
  readonly compression: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackupProgress) => void;
}

interface Dump {
  readonly hashed: readonly HashedNamespace[];
  readonly namespaces: readonly ManifestNamespace[];
}

const dumpCollection = async (
  options: CreateBackupOptions,
  file: ArchiveFile,
  each: LiveCollection,
  context: { readonly snapshot: Snapshot | null; progress(documents: number, bytes: number): void },
): Promise<{ readonly hashed: HashedNamespace; readonly listed: ManifestNamespace }> => {
  const { database, signal } = options;
  const open = openNamespace(file, each.db, each.dataCollection);
  const digest = digestFor(each.options);
  if (each.type !== 'view') {
    const read = {
      signal,
      rawData: each.rawData,
      ...(context.snapshot === null ? {} : { snapshot: context.snapshot }),
    };
    for await (const run of readCollection(database, each.db, each.dataCollection, read)) {
      signal?.throwIfAborted();
      digest.add(run);
      await open.write(run.bytes);
      context.progress(run.count, run.bytes.length);
    }
  }
  const crc = await open.close();
  const hashed = { ...each, documents: digest.documents, bytes: digest.bytes, data: digest.hex() };
  return {
    hashed,
    listed: {
      ...{ db: each.db, collection: each.collection, type: each.type },
      ...{ documents: digest.documents, bytes: digest.bytes },
      ...{ crc: crcText(crc), hash: namespaceHash(hashed) },
      ...{ indexes: each.indexes.map(indexName), options: toExtendedJson(each.options) },
    },
  };
};

/** What must not change while a fence is up. */
const fingerprint = (live: readonly LiveCollection[]): ReadonlyMap<string, string> =>
  new Map(live.map((each) => [namespaceOf(each), `${each.uuid} ${definitionText(each)}`]));

const checkUnchanged = (before: readonly LiveCollection[], after: readonly LiveCollection[]): void => {
  const [was, is] = [fingerprint(before), fingerprint(after)];
  const changed = [...new Set([...was.keys(), ...is.keys()])].filter((name) => was.get(name) !== is.get(name));
  if (changed.length === 0) return;
  throw new DeployError('backup-failed', `collections changed while the database was fenced: ${changed.join(', ')}`, {
    hint: 'something writes to the database past the fence: find it (another project, a cron job?) and stop it',
  });
};

/** Fills in the time at which all collections are read. Where the server gives none, each is read as it is then. */
const takeTime = async (
  { database, signal }: CreateBackupOptions,
  live: readonly LiveCollection[],
  snapshot: Snapshot,
): Promise<void> => {
  const any = live.find(({ type }) => type !== 'view');
  if (any === undefined) return;
  // The first batch has it; going no further closes the cursor.
  for await (const _ of readCollection(database, any.db, any.dataCollection, {
    signal,
    snapshot,
    rawData: any.rawData,
  }))
    break;
};

/** Collections that are dumped at the same time: one that is big keeps none of the others waiting. */
const LANES = 3;

/** Plays all of them, so many at once; the first failure ends the others, and is met when all have ended. */
const sideBySide = async <T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  play: (item: T, index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const failed = new AbortController();
  const until = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const left = items.entries();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const [index, item] of left) {
      if (failures.length > 0) return;
      await play(item, index, until);
    }
  };
  await Promise.all(
    Array.from({ length: LANES }, () =>
      lane().catch((error: unknown) => {
        failures.push(error);
        failed.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
};

const dump = async (options: CreateBackupOptions, file: ArchiveFile, snapshot: Snapshot | null): Promise<Dump> => {
  const { database, signal, onProgress } = options;
  const live = await listCollections(database, signal);
  const totalBytes = live.reduce((sum, { size }) => sum + size, 0);
  const header = { concurrentCollections: LANES, version: ARCHIVE_VERSION, toolVersion: TOOL };
  await writePrelude(file, { ...header, serverVersion: database.server.release.join('.') }, live);
  if (snapshot !== null) await takeTime(options, live, snapshot);
  const hashed: HashedNamespace[] = [];
  const namespaces: ManifestNamespace[] = [];
  let [documents, bytes] = [0, 0];
  const dumpOne = async (each: LiveCollection, index: number, until?: AbortSignal): Promise<void> => {
    const namespace = namespaceOf(each);
    const progress = (moreDocuments: number, moreBytes: number): void => {
      documents += moreDocuments;
      bytes += moreBytes;
      onProgress?.({ namespace, documents, bytes, totalBytes });
    };
    progress(0, 0);
    const done = await dumpCollection({ ...options, ...(until === undefined ? {} : { signal: until }) }, file, each, {
      snapshot,
      progress,
    });
    hashed[index] = done.hashed;
    namespaces[index] = done.listed;
  };
  // Users and roles come before everything else in an archive.
  const first = live.filter(({ db, collection }) => isAccessControl(db, collection));
  for (const [index, each] of first.entries()) await dumpOne(each, index, signal);
  await sideBySide(live.slice(first.length), signal, (each, index, until) =>
    dumpOne(each, first.length + index, until),
  );
  if (options.consistency === 'fenced') checkUnchanged(live, await listCollections(database, signal));
  return { hashed, namespaces };
};

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
  const file = await ArchiveFile.create(path, options.compression);
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
 * Dumps the database into `<directory>/<id>.archive.gz`, with a manifest beside it that is written last. Both are
 * private (0600) and durable when this resolves. On any failure nothing stays behind: `backup-failed`, or the signal's
 * reason. The archive is what `mongodump --archive --gzip` writes. It has not been verified yet.
 */
export const createBackup = async (given: CreateBackupOptions): Promise<Manifest> => {
  const { operation, clock, directory, id } = given;
  const options = operation === null ? given : { ...given, database: given.database.marked(operation) };
  const archive = archiveName(id, options.compression > 0);
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
