import { sha256Of } from '../system/sha256.ts';
import type { Definition, NamespaceType } from './archive/format.ts';
import { listCollections } from './collections.ts';
import type { Database } from './connection.ts';
import { definitionText, digestFor } from './definition.ts';
import { isAccessControl } from './names.ts';
import { namespaceOf } from './namespace.ts';
import { readCollection } from './raw-read.ts';

export interface ContentHash {
  /** 64 hex digits: equal when every collection's documents, options and indexes are. */
  readonly hash: string;
  readonly documents: number;
  readonly bytes: number;
  /** Hash by `db.collection`. */
  readonly namespaces: Readonly<Record<string, string>>;
}

export interface HashedNamespace extends Definition {
  readonly db: string;
  readonly collection: string;
  readonly type: NamespaceType;
  readonly documents: number;
  readonly bytes: number;
  /** What its documents add up to (`DocumentDigest`). */
  readonly data: string;
}

/** The hash of one collection: its name, kind, documents, options and indexes. */
export const namespaceHash = (namespace: HashedNamespace): string =>
  sha256Of(
    JSON.stringify([
      ...[namespaceOf(namespace), namespace.type, namespace.documents, namespace.bytes, namespace.data],
      definitionText(namespace),
    ]),
  );

/** The hash of a database out of its collections'. Users and roles stay out of it: a restore leaves them alone. */
export const combineHashes = (namespaces: readonly HashedNamespace[]): ContentHash => {
  const counted = namespaces.filter(({ db, collection }) => !isAccessControl(db, collection));
  const entries = counted.map((each): [string, string] => [namespaceOf(each), namespaceHash(each)]);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    hash: sha256Of(JSON.stringify(entries)),
    documents: counted.reduce((sum, each) => sum + each.documents, 0),
    bytes: counted.reduce((sum, each) => sum + each.bytes, 0),
    namespaces: Object.fromEntries(entries),
  };
};

export interface HashProgress {
  readonly namespace: string | null;
  readonly bytes: number;
  /** As the server estimates it. */
  readonly totalBytes: number | null;
}

/** Reads the whole database, as bytes and without decoding a document. What a restore left behind does not count. */
export const contentHash = async (
  database: Database,
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: (progress: HashProgress) => void } = {},
): Promise<ContentHash> => {
  const { signal, onProgress } = options;
  const live = await listCollections(database, signal);
  const totalBytes = live.reduce((sum, { size }) => sum + size, 0);
  const hashed: HashedNamespace[] = [];
  let read = 0;
  for (const each of live) {
    if (isAccessControl(each.db, each.collection)) continue;
    const digest = digestFor(each.options);
    if (each.type !== 'view') {
      const { rawData } = each;
      for await (const run of readCollection(database, each.db, each.dataCollection, { signal, rawData })) {
        signal?.throwIfAborted();
        digest.add(run);
        read += run.bytes.length;
        onProgress?.({ namespace: namespaceOf(each), bytes: read, totalBytes });
      }
    }
    hashed.push({ ...each, documents: digest.documents, bytes: digest.bytes, data: digest.hex() });
  }
  return combineHashes(hashed);
};
