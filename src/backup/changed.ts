import type { Database } from './connection.ts';
import { contentHash, type HashProgress } from './content-hash.ts';
import type { Manifest } from './manifest.ts';
import { oplogSince } from './oplog.ts';

export interface Change {
  readonly changed: boolean;
  /** For a person: what shows it. */
  readonly reason: string;
}

const namespacesThatDiffer = (now: Readonly<Record<string, string>>, then: Manifest): readonly string[] => {
  const before = new Map(then.namespaces.map(({ db, collection, hash }) => [`${db}.${collection}`, hash]));
  const names = new Set([...Object.keys(now), ...before.keys()]);
  return [...names].filter((name) => !isAccessControlName(name) && now[name] !== before.get(name)).sort();
};

const isAccessControlName = (name: string): boolean => /^admin\.system\.(users|roles|version)$/.test(name);

/**
 * Whether the database is no longer what the backup holds: the oplog, where there is one, has an entry of it since the
 * dump; or the content hash differs. Reads the whole database unless the oplog has answered already.
 */
export const hasChanged = async (
  database: Database,
  manifest: Manifest,
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: (progress: HashProgress) => void } = {},
): Promise<Change> => {
  if (manifest.clusterTime !== null && database.server.replicaSetId === manifest.database.replicaSetId) {
    const answer = await oplogSince(database, manifest.clusterTime, manifest.scope, options.signal);
    if (answer.kind === 'entry') {
      return { changed: true, reason: `the oplog has a write to ${answer.namespace} since the backup` };
    }
  }
  const now = await contentHash(database, options);
  if (now.hash === manifest.contentHash) return { changed: false, reason: 'every collection is as the backup has it' };
  const differing = namespacesThatDiffer(now.namespaces, manifest);
  const shown = differing.slice(0, 5).join(', ');
  const more = differing.length > 5 ? ` and ${differing.length - 5} more` : '';
  return { changed: true, reason: `${shown}${more} ${differing.length === 1 ? 'differs' : 'differ'} from the backup` };
};
