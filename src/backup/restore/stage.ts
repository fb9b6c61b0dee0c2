import { DeployError, messageOf } from '../../errors.ts';
import { inLanes } from '../../system/lanes.ts';
import { ByteSource } from '../archive/byte-source.ts';
import type { Definition, NamespaceType } from '../archive/format.ts';
import { ArchiveReader } from '../archive/reader.ts';
import { listNames } from '../collections.ts';
import { type Database, LANES } from '../connection.ts';
import { digestFor } from '../definition.ts';
import { namespaceOf } from '../namespace.ts';
import type { InsertTarget } from '../raw-insert.ts';
import { readCollection } from '../raw-read.ts';
import type { VerifiedBackup, VerifiedNamespace } from '../verify.ts';
import { checkTaken, refused } from './check-taken.ts';
import { Inserter, Slots } from './inserter.ts';
import { createCollection, createIndexes } from './server-steps.ts';

export type RestorePhase = 'verify' | 'stage' | 'index' | 'compare' | 'swap' | 'finish';

export interface RestoreProgress {
  readonly phase: RestorePhase;
  readonly namespace: string | null;
  /** Of documents, in this phase. */
  readonly bytes: number;
  readonly totalBytes: number | null;
}

/** A collection of the backup and the temporary name it gets. */
export interface Staging {
  readonly namespace: VerifiedNamespace;
  readonly db: string;
  readonly staged: string;
  /** As asked for now: without anything that deletes. */
  readonly definition: Definition;
}

/** Where the documents of a collection are read and written: a time series' are its buckets. */
export const dataTarget = async (
  database: Database,
  db: string,
  collection: string,
  type: NamespaceType,
): Promise<InsertTarget> => {
  if (type !== 'timeseries') return { db, collection, buckets: false, rawData: false };
  const buckets = `system.buckets.${collection}`;
  const apart = (await listNames(database, db)).some(({ name }) => name === buckets);
  return { db, collection: apart ? buckets : collection, buckets: true, rawData: !apart };
};

const named = async (namespace: string, what: string, run: () => Promise<void>): Promise<void> => {
  try {
    await run();
  } catch (error) {
    throw error instanceof DeployError ? error : refused(namespace, `${what} failed: ${messageOf(error)}`, error);
  }
};

interface StageOptions {
  readonly database: Database;
  readonly backup: VerifiedBackup;
  readonly stagings: readonly Staging[];
  readonly signal?: AbortSignal | undefined;
  readonly onBytes: (namespace: string, bytes: number) => void;
  readonly onStep: (what: 'index' | 'compare', namespace: string) => void;
}

/** Creates the empty collections and checks that their options took, before a single document is sent. */
const createStaged = ({ database, stagings, signal }: StageOptions): Promise<void> =>
  inLanes(stagings, { lanes: LANES, signal }, async ({ namespace, db, staged, definition }) => {
    const name = namespaceOf(namespace);
    await named(name, 'creating it', () => createCollection(database, db, staged, definition.options));
    await checkTaken(database, { db, collection: staged }, { options: definition.options, indexes: [] }, name);
  });

/** Reads the archive a second time and puts its documents into the staged collections. */
const fillStaged = async ({ database, backup, stagings, signal, onBytes }: StageOptions): Promise<void> => {
  const inserters = new Map<string, Inserter>();
  const slots = new Slots(LANES);
  for (const { namespace, db, staged } of stagings) {
    const target = await dataTarget(database, db, staged, namespace.type);
    inserters.set(namespace.body, new Inserter(database, target, { slots, inOrder: namespace.options.has('capped') }));
  }
  const source = await ByteSource.open(backup.path, backup.identityFiles);
  try {
    const reader = await ArchiveReader.open(source, signal);
    for await (const part of reader.body()) {
      signal?.throwIfAborted();
      const inserter = inserters.get(part.namespace);
      if (inserter === undefined) continue;
      await named(part.namespace, 'inserting', () => (part.kind === 'end' ? inserter.finish() : inserter.add(part)));
      if (part.kind === 'documents') onBytes(part.namespace, part.bytes.length);
    }
    if (source.sha256() !== backup.sha256) throw refused(backup.path, 'the archive changed after it was verified');
  } finally {
    for (const inserter of inserters.values()) await inserter.settle();
    await source.close();
  }
};

/** Builds indexes, and reads everything back: options, indexes, and every document byte for byte. */
const finishStaged = ({ database, stagings, onStep, ...options }: StageOptions): Promise<void> =>
  inLanes(stagings, { lanes: LANES, signal: options.signal }, async (staging, _, signal) => {
    const { namespace, db, staged, definition } = staging;
    const name = namespaceOf(namespace);
    onStep('index', name);
    await named(name, 'building its indexes', () => createIndexes(database, db, staged, definition.indexes, signal));
    await checkTaken(database, { db, collection: staged }, definition, name);
    onStep('compare', name);
    const target = await dataTarget(database, db, staged, namespace.type);
    const digest = digestFor(namespace.options);
    for await (const run of readCollection(database, db, target.collection, { signal, rawData: target.rawData })) {
      signal.throwIfAborted();
      digest.add(run);
    }
    if (digest.documents !== namespace.documents) {
      throw refused(name, `the server holds ${digest.documents} of its ${namespace.documents} documents`);
    }
    if (digest.hex() !== namespace.data) throw refused(name, 'the server changed its documents when it stored them');
  });

/** Puts the backup's documents into collections of temporary names, or in a scratch database, with their indexes, and reads all of it back. */
export const stageCollections = async ({
  onProgress,
  ...what
}: Omit<StageOptions, 'onBytes' | 'onStep'> & {
  readonly onProgress: ((progress: RestoreProgress) => void) | undefined;
}): Promise<void> => {
  const totalBytes = what.stagings.reduce((sum, { namespace }) => sum + namespace.bytes, 0);
  let bytes = 0;
  const options: StageOptions = {
    ...what,
    onBytes: (namespace, more) => {
      bytes += more;
      onProgress?.({ phase: 'stage', namespace, bytes, totalBytes });
    },
    onStep: (phase, namespace) => onProgress?.({ phase, namespace, bytes, totalBytes }),
  };
  await createStaged(options);
  await fillStaged(options);
  await finishStaged(options);
};
