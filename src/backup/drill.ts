import { DeployError, messageOf } from '../errors.ts';
import type { Database } from './connection.ts';
import { isAccessControl, scratchPrefix, temporaryName } from './names.ts';
import { namespaceOf } from './namespace.ts';
import { checkTaken } from './restore/check-taken.ts';
import { checkVersion } from './restore/check-version.ts';
import { neutral } from './restore/expiry.ts';
import { chooseNeutralising } from './restore/neutralising.ts';
import { createCollection, dropDatabase, isServersNo } from './restore/server-steps.ts';
import { type Staging, stageCollections } from './restore/stage.ts';
import { isCollection, type RestoreOptions } from './restore/work.ts';
import { readBackup, type VerifiedBackup, type VerifiedNamespace } from './verify.ts';

export interface DrillOptions extends Omit<RestoreOptions, 'extra' | 'force'> {
  /** Whose drills: what one of them left that died goes when the next begins. */
  readonly project: string;
}

export interface DrillReport {
  readonly documents: number;
  /** Of documents. */
  readonly bytes: number;
  /** Collections and views. */
  readonly namespaces: number;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** Drops the scratch databases whose names begin so. A user who may not list databases sees none. */
export const dropScratch = async (database: Database, prefix: string): Promise<void> => {
  try {
    const { databases } = await database.run('admin', { listDatabases: 1, nameOnly: true });
    for (const { name } of databases as { readonly name: string }[]) {
      if (name.startsWith(prefix)) await dropDatabase(database, name);
    }
  } catch (error) {
    if (!isServersNo(error)) throw error;
  }
};

const stagingsIn = async (
  { database, operation }: DrillOptions,
  namespaces: readonly VerifiedNamespace[],
  scratch: ReadonlyMap<string, string>,
): Promise<readonly Staging[]> => {
  const how = await chooseNeutralising(database, operation.id, namespaces, [...scratch.values()][0]);
  return namespaces.filter(isCollection).map((namespace) => ({
    namespace,
    db: scratch.get(namespace.db) ?? '',
    // Its own name, for the views' sake; but not one that the server gives a meaning to.
    staged: namespace.collection.startsWith('system.')
      ? temporaryName('staged', operation.id, namespaceOf(namespace))
      : namespace.collection,
    definition: neutral(namespace, how),
  }));
};

/** Restores everything into the scratch databases, and reads it back: documents byte for byte, indexes, options, views. */
const rehearse = async (
  options: DrillOptions,
  backup: VerifiedBackup,
  namespaces: readonly VerifiedNamespace[],
  scratch: ReadonlyMap<string, string>,
): Promise<void> => {
  const { database, signal, onProgress } = options;
  const stagings = await stagingsIn(options, namespaces, scratch);
  await stageCollections({ database, backup, stagings, signal, onProgress });
  for (const view of namespaces.filter((each) => !isCollection(each))) {
    const at = { db: scratch.get(view.db) ?? '', collection: view.collection };
    await createCollection(database, at.db, at.collection, view.options);
    await checkTaken(database, at, { options: view.options, indexes: [] }, `view ${namespaceOf(view)}`);
  }
};

const dropEach = async (database: Database, names: readonly string[]): Promise<readonly string[]> => {
  const problems: string[] = [];
  for (const db of names) {
    await dropDatabase(database, db).catch((error: unknown) => {
      problems.push(`${db} could not be removed: ${messageOf(error)}`);
    });
  }
  return problems;
};

/**
 * Restores a backup beside everything else, into databases of its own (`kaleem-deploy_drill_...`), compares what is there then with the
 * backup, and removes them again. Nothing live is read or touched. `backup-invalid`, `identity-missing`; `restore-failed`: this server can't hold
 * what the backup holds, or holds something else now; on abort the signal's reason. A scratch database that can't be removed is a failure too.
 */
export const drillBackup = async (given: DrillOptions): Promise<DrillReport> => {
  const options = { ...given, database: given.database.marked(given.operation.id) };
  const { database, project, operation, clock, path, signal, onProgress } = options;
  const started = clock.monotonic();
  const backup = await readBackup(path, {
    ...{ signal, identityFiles: options.identityFiles },
    onProgress: (progress) => onProgress?.({ phase: 'verify', ...progress }),
  });
  // Whether a newer server's backup can be restored here is what is to be found out.
  const warnings = checkVersion(backup, database.server, true);
  const namespaces = backup.namespaces.filter(({ db, collection }) => !isAccessControl(db, collection));
  const databases = [...new Set(namespaces.map(({ db }) => db))];
  const scratch = new Map(databases.map((db, index) => [db, `${scratchPrefix(project, operation.id)}${index}`]));
  await dropScratch(database, scratchPrefix(project));
  const failure = await operation
    .effect('drill.restore', { databases: [...scratch.values()] }, () => rehearse(options, backup, namespaces, scratch))
    .then(
      () => null,
      (error: unknown) => ({ error }),
    );
  const problems = await operation.effect('drill.drop', {}, () => dropEach(database, [...scratch.values()]));
  if (failure !== null) {
    if (signal?.aborted && problems.length === 0) throw signal.reason;
    const { error } = failure;
    throw new DeployError('restore-failed', messageOf(error), {
      cause: error,
      details: [...(error instanceof DeployError ? error.details : []), ...problems],
      ...(error instanceof DeployError && error.hint !== undefined ? { hint: error.hint } : {}),
    });
  }
  if (problems.length > 0) throw new DeployError('restore-failed', problems[0] as string, { details: problems });
  return {
    ...{ documents: backup.content.documents, bytes: backup.content.bytes, namespaces: namespaces.length, warnings },
    durationMs: Math.round(clock.monotonic() - started),
  };
};
