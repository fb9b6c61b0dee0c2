import { DeployError } from '../errors.ts';
import { inLanes } from '../system/lanes.ts';
import { VERSION } from '../version-number.ts';
import type { ArchiveFile } from './archive/archive-file.ts';
import { crcText } from './archive/crc64.ts';
import { toExtendedJson } from './archive/extended-json.ts';
import { ARCHIVE_VERSION } from './archive/format.ts';
import { openNamespace, writePrelude } from './archive/writer.ts';
import { type LiveCollection, listCollections } from './collections.ts';
import { type Database, LANES } from './connection.ts';
import { type HashedNamespace, namespaceHash } from './content-hash.ts';
import { definitionText, digestFor, indexName } from './definition.ts';
import type { Consistency, ManifestNamespace } from './manifest.ts';
import { isAccessControl } from './names.ts';
import { namespaceOf } from './namespace.ts';
import { choose, type NamespaceFilter } from './namespace-filter.ts';
import { readCollection, type Snapshot } from './raw-read.ts';

/** Who wrote an archive: for people, nothing depends on it. */
export const TOOL = `kaleem-deploy ${VERSION}`;

export interface BackupProgress {
  /** The collection being dumped. */
  readonly namespace: string | null;
  readonly documents: number;
  /** Uncompressed bytes of documents dumped so far, and in all as the server estimates it. */
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export interface DumpOptions {
  readonly database: Database;
  /**
   * `fenced` is the caller's word that nothing writes; a collection that comes, goes or changes meanwhile is then an
   * error. Anything else: a snapshot where the server offers one, and the label `not-point-in-time` where not.
   */
  readonly consistency: Consistency;
  /** What is dumped; null or not there: everything. */
  readonly filter?: NamespaceFilter | null;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: BackupProgress) => void;
}

/** What was dumped, in the archive's order. */
export interface Dump {
  readonly hashed: readonly HashedNamespace[];
  readonly namespaces: readonly ManifestNamespace[];
}

const dumpCollection = async (
  options: DumpOptions,
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
  { database, signal }: DumpOptions,
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

const listChosen = async ({ database, filter = null, signal }: DumpOptions): Promise<readonly LiveCollection[]> =>
  choose(filter, await listCollections(database, signal), 'the database');

/** Writes the whole body of an archive. Users and roles come before everything else in it. */
export const dump = async (options: DumpOptions, file: ArchiveFile, snapshot: Snapshot | null): Promise<Dump> => {
  const { database, signal, onProgress } = options;
  const live = await listChosen(options);
  const totalBytes = live.reduce((sum, { size }) => sum + size, 0);
  const header = { concurrentCollections: LANES, version: ARCHIVE_VERSION, toolVersion: TOOL };
  await writePrelude(file, { ...header, serverVersion: database.server.release.join('.') }, live);
  if (snapshot !== null) await takeTime(options, live, snapshot);
  const hashed: HashedNamespace[] = [];
  const namespaces: ManifestNamespace[] = [];
  let [documents, bytes] = [0, 0];
  const dumpOne = async (each: LiveCollection, index: number, until: AbortSignal | undefined): Promise<void> => {
    const namespace = namespaceOf(each);
    const progress = (moreDocuments: number, moreBytes: number): void => {
      documents += moreDocuments;
      bytes += moreBytes;
      onProgress?.({ namespace, documents, bytes, totalBytes });
    };
    progress(0, 0);
    const done = await dumpCollection({ ...options, signal: until }, file, each, { snapshot, progress });
    hashed[index] = done.hashed;
    namespaces[index] = done.listed;
  };
  const first = live.filter(({ db, collection }) => isAccessControl(db, collection));
  for (const [index, each] of first.entries()) await dumpOne(each, index, signal);
  await inLanes(live.slice(first.length), { lanes: LANES, signal }, (each, index, until) =>
    dumpOne(each, first.length + index, until),
  );
  if (options.consistency === 'fenced') checkUnchanged(live, await listChosen(options));
  return { hashed, namespaces };
};
