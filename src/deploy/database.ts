import { readFile } from 'node:fs/promises';
import { type Database, openDatabase, rewriteMongoUri } from '../backup/connection.ts';
import { reach } from '../compose/address.ts';
import type { ContainerState } from '../compose/engine.ts';
import { DeployError } from '../errors.ts';
import type { StateDirectory } from '../operation/state.ts';
import { replaceFile } from '../system/durable-file.ts';
import type { Context } from './context.ts';

/** How long a database that was just started has to answer. */
const CONNECT_TIMEOUT_MS = 20_000;

/** Tells one database from another: the volumes its container keeps data in, and the replica set's id. */
export interface DatabaseIdentity {
  readonly volumes: readonly string[];
  readonly replicaSetId: string | null;
}

/** `todo`: what was to be done with it. */
export const noDatabase = (todo = ''): DeployError =>
  new DeployError('config-invalid', `there is no database${todo}: the configuration says \`database: none\``);

/**
 * Connects to the application's database, runs `use`, and closes the connection. Hosts that only containers can resolve
 * are reached by the container's address or the published port: a note says which. Containers are looked up anew each
 * time, since a recreated one has a new address.
 */
export const withDatabase = async <T>(
  context: Context,
  use: (database: Database) => Promise<T>,
  signal: AbortSignal = context.signal,
): Promise<T> => {
  const { config, docker, project, engine, clock } = context;
  if (config.database === null) throw new DeployError('bug', 'a database was asked for and none is configured');
  const containers = await docker.containers(project.name, { signal });
  const target = await rewriteMongoUri(config.database.uri, async (host, port) =>
    reach({ host, port }, containers, engine),
  );
  for (const note of target.notes) context.log.debug(note);
  const database = await openDatabase(
    { uri: target.uri, others: target.others, tlsServerName: target.tlsServerName, name: config.database.name },
    { clock, signal, timeoutMs: CONNECT_TIMEOUT_MS },
  );
  try {
    return await use(database);
  } finally {
    await database.close();
  }
};

/** The identity of the database that a deploy is about to use. `container` null: the database is elsewhere. */
export const identify = async (database: Database, container: ContainerState | null): Promise<DatabaseIdentity> => ({
  volumes: (container?.mounts ?? []).map((mount) => mount.name ?? mount.source).sort(),
  replicaSetId: database.server.replicaSetId,
});

const describe = (identity: DatabaseIdentity): string =>
  `volumes ${identity.volumes.join(', ') || 'none'}, replica set id ${identity.replicaSetId ?? 'none'}`;

/**
 * The database must be the one of the last deploy: a renamed project or volume gives an empty one, and an empty one
 * would be backed up and called good. A replica set that has been initiated since is the same database.
 */
export const checkIdentity = async (state: StateDirectory, found: DatabaseIdentity): Promise<void> => {
  const path = state.file('database.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return;
  const last = JSON.parse(text) as DatabaseIdentity;
  const sameVolumes = last.volumes.join() === found.volumes.join();
  const sameSet = last.replicaSetId === null || last.replicaSetId === found.replicaSetId;
  if (sameVolumes && sameSet) return;
  throw new DeployError(
    'database-changed-identity',
    `this is not the database of the last deploy: ${describe(found)}; it was ${describe(last)}`,
    {
      hint: `if the new one is meant, remove ${path} and run this again`,
    },
  );
};

export const rememberIdentity = (state: StateDirectory, identity: DatabaseIdentity): Promise<void> =>
  replaceFile(state.file('database.json'), `${JSON.stringify(identity)}\n`);

/** Bytes of all documents that a backup would hold, as the server counts them. */
export const dataBytes = async (database: Database): Promise<number> => {
  if (database.name !== null) return Number((await database.run(database.name, { dbStats: 1 })).dataSize ?? 0);
  return Number((await database.run('admin', { listDatabases: 1 })).totalSize ?? 0);
};
