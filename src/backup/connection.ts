import { BSON, type ClientSession, type Document, MongoClient, type MongoClientOptions } from 'mongodb';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { parseVersion, type Version } from './server-version.ts';

export { rewriteMongoUri } from './mongo-uri.ts';

export interface DatabaseTarget {
  /** Dialled as it stands: hosts already reachable from here. Secret. */
  readonly uri: string;
  /** The database all work is confined to; null: all but `local` and `config`. */
  readonly name: string | null;
  /** Other members to try when the one of `uri` does not take writes (see `rewriteMongoUri`). */
  readonly others?: readonly string[];
  /** The name certificates are checked against, where the host that is dialled is not the one the operator wrote. */
  readonly tlsServerName?: string | null;
}

export interface ServerFacts {
  /** As the server says it: `7.0.14`. */
  readonly version: string;
  readonly release: Version;
  /** Name of the replica set, or null. */
  readonly replicaSet: string | null;
  /** Hex id made when the set was initiated; null where there is none or reading it is not allowed. */
  readonly replicaSetId: string | null;
  readonly ferretdb: boolean;
}

export interface RunOptions {
  /** Nested documents and arrays of the reply stay bytes (a Buffer each). */
  readonly raw?: boolean;
  /** How long the server may be silent. Default two minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs commands, all in one server session, so that a cursor's replies can be fetched. */
export interface Session {
  run(database: string, command: Document, options?: RunOptions): Promise<Document>;
  end(): Promise<void>;
}

/** A MongoDB server, as far as backups need one: the edge that tests may put documented replies behind. */
export interface Database {
  readonly name: string | null;
  readonly server: ServerFacts;
  run(database: string, command: Document, options?: RunOptions): Promise<Document>;
  openSession(): Session;
  /** The same connection, its commands marked with the id of the operation they belong to (`comment`). */
  marked(operation: string): Database;
  close(): Promise<void>;
}

/**
 * Collections that are worked on at the same time, and messages that are under way: a big one keeps no other waiting, and with many small ones
 * it is the answers that take long. What each takes in memory adds up.
 */
export const LANES = 3;

/** A server that is silent for so long is taken for dead. */
const SILENCE_MS = 120_000;

/** No listeners and no logging: with them the driver decodes every reply. Compression only costs on the same machine. */
const clientOptions = (target: DatabaseTarget, timeoutMs: number): MongoClientOptions => ({
  appName: 'kaleem-deploy',
  serverSelectionTimeoutMS: timeoutMs,
  connectTimeoutMS: timeoutMs,
  socketTimeoutMS: SILENCE_MS,
  compressors: ['none'],
  readPreference: 'primary',
  maxPoolSize: LANES + 1,
  monitorCommands: false,
  ...(target.tlsServerName == null ? {} : { servername: target.tlsServerName }),
});

const sender = (client: MongoClient, session: ClientSession | undefined, comment: string | null) => {
  return async (database: string, command: Document, options: RunOptions = {}): Promise<Document> => {
    options.signal?.throwIfAborted();
    const marked = comment === null ? command : { ...command, comment };
    return client.db(database).command(marked, {
      ...(options.raw ? { raw: true } : {}),
      ...(session === undefined ? {} : { session }),
      // Passed through to the socket; a silence longer than this ends the command and its connection.
      ...({ socketTimeoutMS: options.timeoutMs ?? SILENCE_MS } as object),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  };
};

const replicaSetId = async (client: MongoClient): Promise<string | null> => {
  try {
    const { config } = await client.db('admin').command({ replSetGetConfig: 1 });
    const id: unknown = config?.settings?.replicaSetId;
    return id instanceof BSON.ObjectId ? id.toHexString() : null;
  } catch {
    return null;
  }
};

const serverFacts = async (client: MongoClient, hello: Document): Promise<ServerFacts> => {
  const build = await client.db('admin').command({ buildInfo: 1 });
  const version = String(build.version);
  const replicaSet = typeof hello.setName === 'string' ? hello.setName : null;
  return {
    version,
    release: parseVersion(version),
    replicaSet,
    replicaSetId: replicaSet === null ? null : await replicaSetId(client),
    ferretdb: build.ferretdb !== undefined,
  };
};

const wrap = (client: MongoClient, name: string | null, server: ServerFacts, comment: string | null): Database => ({
  name,
  server,
  run: sender(client, undefined, comment),
  openSession: () => {
    const session = client.startSession({ causalConsistency: false });
    return { run: sender(client, session, comment), end: () => session.endSession() };
  },
  marked: (operation) => wrap(client, name, server, operation),
  close: () => client.close(),
});

/** The driver's own words, but where they would be a riddle. */
const connectionProblem = (error: unknown): string => {
  const message = messageOf(error);
  const [, host] = /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)/.exec(message) ?? [];
  return host === undefined ? message : `there is no host ${host}, and no running service of that name`;
};

const unreachable = (problem: string, cause?: unknown): DeployError =>
  new DeployError('database-unreachable', `the database cannot be used: ${problem}`, {
    hint: 'is its container running? `kaleem-deploy doctor` checks the connection',
    ...(cause === undefined ? {} : { cause }),
  });

const connect = async (uri: string, target: DatabaseTarget, timeoutMs: number, signal?: AbortSignal) => {
  let client: MongoClient;
  try {
    client = new MongoClient(uri, clientOptions(target, timeoutMs));
  } catch (error) {
    throw new DeployError('uri-invalid', `the MongoDB URI cannot be used: ${messageOf(error)}`, {
      hint: 'it looks like mongodb://user:password@host:27017/database; special characters in the password are percent-encoded',
    });
  }
  let stop = (): void => {};
  try {
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
    });
    // A MongoClient cannot be told to stop connecting; closing it below ends what is still under way.
    const hello = await Promise.race([client.db('admin').command({ hello: 1 }), aborted]);
    return { client, hello };
  } catch (error) {
    await client.close().catch(() => {});
    signal?.throwIfAborted();
    throw unreachable(connectionProblem(error), error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
};

/**
 * Connects. `database-unreachable` when no server answers within `timeoutMs` (default 10 s) or none that does takes
 * writes; `unsupported` for a sharded cluster.
 */
export const openDatabase = async (
  target: DatabaseTarget,
  options: { readonly clock: Clock; readonly signal?: AbortSignal; readonly timeoutMs?: number },
): Promise<Database> => {
  options.signal?.throwIfAborted();
  const { clock, timeoutMs = 10_000 } = options;
  const deadline = clock.monotonic() + timeoutMs;
  let failure: unknown = null;
  for (const uri of [target.uri, ...(target.others ?? [])]) {
    const left = Math.max(1_000, deadline - clock.monotonic());
    try {
      const { client, hello } = await connect(uri, target, left, options.signal);
      if (hello.msg === 'isdbgrid') {
        await client.close();
        throw new DeployError(
          'unsupported',
          'the database is a sharded cluster (mongos), which cannot be backed up as one',
          {
            hint: 'name one replica set in the URI',
          },
        );
      }
      if (hello.isWritablePrimary === true) return wrap(client, target.name, await serverFacts(client, hello), null);
      await client.close();
      failure ??= unreachable('the server that answers is not the primary and takes no writes');
    } catch (error) {
      if (error instanceof DeployError && error.code !== 'database-unreachable') throw error;
      options.signal?.throwIfAborted();
      failure ??= error;
    }
  }
  throw failure;
};
