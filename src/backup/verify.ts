import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isIdentityMissing } from './age/unlock.ts';
import { ByteSource } from './archive/byte-source.ts';
import { crcText } from './archive/crc64.ts';
import { toExtendedJson } from './archive/extended-json.ts';
import type { ArchiveHeader, PreludeEntry } from './archive/format.ts';
import { archiveInvalid } from './archive/invalid.ts';
import { ArchiveReader, OPLOG_NAMESPACE } from './archive/reader.ts';
import { type ContentHash, combineHashes, type HashedNamespace, namespaceHash } from './content-hash.ts';
import { digestFor, indexName } from './definition.ts';
import type { DocumentDigest } from './document-digest.ts';
import { type Manifest, type ManifestNamespace, manifestPath, readManifest } from './manifest.ts';
import { namespaceOf } from './namespace.ts';

export interface VerifyProgress {
  readonly namespace: string | null;
  /** Uncompressed bytes of documents read so far; in all only where a manifest says. */
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export interface VerifyOptions {
  /** Files with the identities that may decrypt it, tried in turn. */
  readonly identityFiles?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** One collection as the archive holds it. */
export interface VerifiedNamespace extends HashedNamespace {
  readonly entry: PreludeEntry;
  /** The namespace its documents travel under in the archive. */
  readonly body: string;
  /** CRC-64/XZ, 16 hex digits. */
  readonly crc: string;
}

export interface VerifiedBackup {
  readonly path: string;
  /** With which it is decrypted when it is read again. */
  readonly identityFiles: readonly string[];
  /** Null: an archive of someone else's, verified as far as its own CRCs go. */
  readonly manifest: Manifest | null;
  /** Of the file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly header: ArchiveHeader;
  readonly namespaces: readonly VerifiedNamespace[];
  readonly content: ContentHash;
  /** Entries of a mongodump oplog, which nothing here replays. */
  readonly oplogEntries: number;
}

interface Tally {
  readonly digest: DocumentDigest;
  crc: string;
}

const readThrough = async (
  reader: ArchiveReader,
  options: { readonly signal?: AbortSignal | undefined; readonly onRead: (namespace: string, bytes: number) => void },
): Promise<ReadonlyMap<string, Tally>> => {
  const tallies = new Map<string, Tally>();
  for await (const part of reader.body()) {
    options.signal?.throwIfAborted();
    const entry = reader.entryOf(part.namespace);
    const tally = tallies.get(part.namespace) ?? { digest: digestFor(entry?.options ?? new Map()), crc: '' };
    tallies.set(part.namespace, tally);
    if (part.kind === 'end') {
      tally.crc = crcText(part.crc);
      continue;
    }
    tally.digest.add(part);
    options.onRead(part.namespace, part.bytes.length);
  }
  return tallies;
};

const collect = (reader: ArchiveReader, tallies: ReadonlyMap<string, Tally>): readonly VerifiedNamespace[] =>
  [...tallies].flatMap(([body, { digest, crc }]) => {
    const entry = reader.entryOf(body);
    if (entry === null || body === OPLOG_NAMESPACE) return [];
    const { db, collection, type, options, indexes } = entry;
    const counts = { documents: digest.documents, bytes: digest.bytes, data: digest.hex() };
    return [{ db, collection, type, options, indexes, ...counts, entry, body, crc }];
  });

const compareNamespace = (found: VerifiedNamespace, listed: ManifestNamespace): string | null => {
  const facts: [string, string | number, string | number][] = [
    ['type', found.type, listed.type],
    ['number of documents', found.documents, listed.documents],
    ['number of bytes', found.bytes, listed.bytes],
    ['CRC', found.crc, listed.crc],
    ['index list', found.indexes.map(indexName).join(' '), listed.indexes.join(' ')],
    ['hash', namespaceHash(found), listed.hash],
  ];
  const wrong = facts.find(([, is, says]) => is !== says);
  return wrong === undefined ? null : `its ${wrong[0]} is ${wrong[1]}, the manifest says ${wrong[2]}`;
};

type FileFacts = Pick<Manifest, 'bytes' | 'sha256'>;

const compareFile = ({ bytes, sha256 }: FileFacts, manifest: FileFacts): string | null => {
  if (bytes !== manifest.bytes) return `it has ${bytes} bytes, the manifest says ${manifest.bytes}`;
  return sha256 === manifest.sha256 ? null : `its SHA-256 is ${sha256}, the manifest says ${manifest.sha256}`;
};

/** The first thing in which the archive differs from what the manifest says of it, or null. */
const compareManifest = (backup: VerifiedBackup, manifest: Manifest): string | null => {
  const listed = new Map(manifest.namespaces.map((each) => [namespaceOf(each), each]));
  for (const found of backup.namespaces) {
    const namespace = namespaceOf(found);
    const own = listed.get(namespace);
    if (own === undefined) return `${namespace}: the manifest does not list it`;
    const problem = compareNamespace(found, own);
    if (problem !== null) return `${namespace}: ${problem}`;
    listed.delete(namespace);
  }
  const [missing] = listed.keys();
  if (missing !== undefined) return `${missing}: the manifest lists it and the archive does not hold it`;
  const { content } = backup;
  if (content.hash !== manifest.contentHash)
    return `its content hash is ${content.hash}, the manifest says ${manifest.contentHash}`;
  return compareFile(backup, manifest);
};

/** What can be checked without a key; and a header that is damaged may look like one for somebody else. */
const checkDigest = async (path: string, manifest: Manifest, signal: AbortSignal | undefined): Promise<void> => {
  const source = await ByteSource.open(path);
  try {
    const problem = compareFile({ bytes: source.fileBytes, sha256: await source.digest(signal) }, manifest);
    if (problem !== null) throw archiveInvalid(path, problem);
  } finally {
    await source.close();
  }
};

/**
 * Reads a whole archive and checks everything that can be: gzip's checks, framing, the structure of every document, the CRC
 * of every collection, prelude against body, and, where there is a manifest beside it, every number and hash in that.
 * Archives of mongodump have none: `manifest` is null then. `backup-invalid` names what differs and at which byte;
 * `identity-missing`: it is encrypted, nobody at hand can decrypt it, and its SHA-256 is what its manifest says, if it has one.
 * Memory stays bounded whatever the archive holds, and nothing in it is taken for a path.
 */
export const readBackup = async (path: string, options: VerifyOptions = {}): Promise<VerifiedBackup> => {
  const { signal, onProgress, identityFiles = [] } = options;
  const manifest = await readManifest(manifestPath(path));
  const source = await ByteSource.open(path, identityFiles);
  try {
    const reader = await ArchiveReader.open(source, signal).catch(async (error: unknown) => {
      if (manifest !== null && isIdentityMissing(error)) await checkDigest(path, manifest, signal);
      throw error;
    });
    let bytes = 0;
    const onRead = (namespace: string, more: number): void => {
      bytes += more;
      onProgress?.({ namespace, bytes, totalBytes: manifest?.dataBytes ?? null });
    };
    const tallies = await readThrough(reader, { signal, onRead });
    const namespaces = collect(reader, tallies);
    const backup: VerifiedBackup = {
      ...{ path, identityFiles, manifest, sha256: source.sha256(), bytes: source.fileBytes, header: reader.header },
      ...{ namespaces, content: combineHashes(namespaces) },
      oplogEntries: tallies.get(OPLOG_NAMESPACE)?.digest.documents ?? 0,
    };
    const problem = manifest === null ? null : compareManifest(backup, manifest);
    if (problem !== null) throw archiveInvalid(path, problem);
    return backup;
  } finally {
    await source.close();
  }
};

/** What is known about an archive that came without a manifest, in the manifest's terms. */
const describeForeign = async (backup: VerifiedBackup): Promise<Manifest> => {
  const archive = basename(backup.path);
  const { mtime } = await stat(backup.path);
  const { content, header } = backup;
  return {
    ...{ formatVersion: 1, id: archive.replace(/(\.archive)?(\.gz)?(\.age)?$/, ''), archive },
    ...{ sha256: backup.sha256, bytes: backup.bytes, createdAt: mtime.toISOString(), operation: null, release: null },
    ...{ toolVersion: header.toolVersion, serverVersion: header.serverVersion },
    ...{ database: { replicaSet: null, replicaSetId: null, ferretdb: false }, scope: null },
    ...{ consistency: 'not-point-in-time', clusterTime: null, durationMs: 0 },
    ...{ contentHash: content.hash, documents: content.documents, dataBytes: content.bytes },
    namespaces: backup.namespaces.map((each) => ({
      ...{ db: each.db, collection: each.collection, type: each.type, documents: each.documents, bytes: each.bytes },
      ...{ crc: each.crc, hash: namespaceHash(each), indexes: each.indexes.map(indexName) },
      options: toExtendedJson(each.options),
    })),
  };
};

/** Verifies as {@link readBackup} does, and gives the manifest: its own, or what the archive itself says. */
export const verifyBackup = async (path: string, options: VerifyOptions = {}): Promise<Manifest> => {
  const backup = await readBackup(path, options);
  return backup.manifest ?? describeForeign(backup);
};

/** Bytes the database may need beside what it holds while this backup is restored: the staged copies and their indexes. */
export const restoreNeedsBytes = (backup: Pick<Manifest, 'dataBytes'>): number => Math.ceil(backup.dataBytes * 1.5);
