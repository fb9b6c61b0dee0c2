import { BSON, type Document } from 'mongodb';
import type { Database } from './connection.ts';
import type { Manifest } from './manifest.ts';

export type ClusterTime = NonNullable<Manifest['clusterTime']>;

const asClusterTime = (value: unknown): ClusterTime | null =>
  value instanceof BSON.Timestamp ? { seconds: value.t, increment: value.i } : null;

const oneEntry = async (database: Database, sort: 1 | -1, signal?: AbortSignal): Promise<Document | null> => {
  const command = { find: 'oplog.rs', sort: { $natural: sort }, limit: 1, singleBatch: true };
  const reply = await database.run('local', command, { signal });
  return reply.cursor.firstBatch[0] ?? null;
};

/** The time of the oplog's last entry; null where there is no oplog or it may not be read. */
export const oplogEnd = async (database: Database, signal?: AbortSignal): Promise<ClusterTime | null> => {
  try {
    return asClusterTime((await oneEntry(database, -1, signal))?.ts);
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { code?: unknown }).code === undefined) throw error;
    return null;
  }
};

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Entries that changed one of these databases, or may have: transactions stand in the oplog under `admin.$cmd`. */
const entriesSince = (since: ClusterTime, scope: string | null): Document => {
  const inScope = scope === null ? /^(?!(local|config|admin)\.)/ : new RegExp(`^${escaped(scope)}\\.`);
  return {
    ts: { $gt: BSON.Timestamp.fromBits(since.increment, since.seconds) },
    op: { $ne: 'n' },
    $or: [
      { ns: inScope },
      { ns: 'admin.$cmd', 'o.applyOps.ns': inScope },
      { ns: 'admin.$cmd', 'o.commitTransaction': { $exists: true } },
    ],
  };
};

export type OplogAnswer =
  | { readonly kind: 'entry'; readonly namespace: string; readonly operation: string }
  | { readonly kind: 'none' }
  /** There is no oplog, or it no longer goes back so far. */
  | { readonly kind: 'unknown' };

/** Whether the oplog says that a database (null: any but the server's own) was written to after `since`. */
export const oplogSince = async (
  database: Database,
  since: ClusterTime,
  scope: string | null,
  signal?: AbortSignal,
): Promise<OplogAnswer> => {
  try {
    const oldest = asClusterTime((await oneEntry(database, 1, signal))?.ts);
    if (oldest === null || later(oldest, since)) return { kind: 'unknown' };
    const command = { find: 'oplog.rs', filter: entriesSince(since, scope), limit: 1, singleBatch: true };
    const [entry] = (await database.run('local', command, { signal })).cursor.firstBatch;
    if (entry === undefined) return { kind: 'none' };
    return { kind: 'entry', namespace: String(entry.ns), operation: String(entry.op) };
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { code?: unknown }).code === undefined) throw error;
    return { kind: 'unknown' };
  }
};

const later = (a: ClusterTime, b: ClusterTime): boolean =>
  a.seconds > b.seconds || (a.seconds === b.seconds && a.increment > b.increment);
