import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DeployError, messageOf } from '../errors.ts';
import { replaceFile } from '../system/durable-file.ts';
import { sha256Of } from '../system/sha256.ts';

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** A name that is a file name and nothing else. */
const fileName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,250}$/);

const schema = z.strictObject({
  formatVersion: z.literal(1),
  /** `000012-v0.0.1`: the number orders backups. */
  id: fileName,
  /** The archive's file name, beside the manifest. */
  archive: fileName,
  /** Of the archive file. */
  sha256: hex(64),
  /** Size of the archive file. */
  bytes: count,
  createdAt: z.iso.datetime(),
  operation: z.string().max(200).nullable(),
  /** The tag that was live, or another label. */
  release: z.string().max(200).nullable(),
  toolVersion: z.string().max(100),
  serverVersion: z.string().max(100),
  /** What the database said of itself, to tell whether another one is the same. */
  database: z.strictObject({
    replicaSet: z.string().max(200).nullable(),
    replicaSetId: z.string().max(100).nullable(),
    ferretdb: z.boolean(),
  }),
  /** The one database that was dumped; null: all of them. */
  scope: z.string().max(64).nullable(),
  /** Patterns of the collections that were asked for; not there: all of the scope. */
  partial: z
    .strictObject({
      include: z.array(z.string().max(400)).max(1_000).readonly(),
      exclude: z.array(z.string().max(400)).max(1_000).readonly(),
    })
    .optional(),
  /** fenced: nothing could write; snapshot: the server's state at one moment; the last: neither. */
  consistency: z.enum(['fenced', 'snapshot', 'not-point-in-time']),
  /** The last entry of the oplog before the dump (or the snapshot's time), where there is one. */
  clusterTime: z.strictObject({ seconds: count, increment: count }).nullable(),
  durationMs: count,
  contentHash: hex(64),
  documents: count,
  /** Of all documents, uncompressed. */
  dataBytes: count,
  namespaces: z
    .array(
      z.strictObject({
        db: z.string().max(64),
        collection: z.string().max(255),
        type: z.enum(['collection', 'view', 'timeseries']),
        documents: count,
        bytes: count,
        /** CRC-64/XZ of its documents. */
        crc: hex(16),
        /** Its part of the content hash. */
        hash: hex(64),
        indexes: z.array(z.string().max(1_000)).max(1_000),
        /** Canonical Extended JSON. */
        options: z.string(),
      }),
    )
    .max(100_000),
});

/** What is known about a backup, in a file of its own beside the archive. Written last: a backup without one is unfinished. */
export type Manifest = z.infer<typeof schema>;
export type ManifestNamespace = Manifest['namespaces'][number];
export type Consistency = Manifest['consistency'];

const SUFFIX = '.manifest.json';
/** A hundred thousand collections fit. */
export const LARGEST_MANIFEST = 256 * 1024 * 1024;

const ENCRYPTED_SUFFIX = '.age';
export const ARCHIVE_SUFFIXES = ['.archive.gz', '.archive'].flatMap((each) => [each, `${each}${ENCRYPTED_SUFFIX}`]);

export const archiveName = (id: string, kind: { readonly compressed: boolean; readonly encrypted: boolean }): string =>
  `${id}.archive${kind.compressed ? '.gz' : ''}${kind.encrypted ? ENCRYPTED_SUFFIX : ''}`;

/** As far as its name tells. */
export const isEncrypted = (archive: string): boolean => archive.endsWith(ENCRYPTED_SUFFIX);

/** The path of an archive without its suffix: what lies beside it is called so, with suffixes of its own. */
export const archiveStem = (archive: string): string => {
  const suffix = ARCHIVE_SUFFIXES.find((each) => archive.endsWith(each)) ?? '';
  return archive.slice(0, archive.length - suffix.length);
};

/** Where the manifest of an archive lies, whatever the archive is called. */
export const manifestPath = (archive: string): string => `${archiveStem(archive)}${SUFFIX}`;

export const isManifestName = (name: string): boolean => name.endsWith(SUFFIX) && !name.startsWith('.');

const checksum = (manifest: Manifest): string => sha256Of(JSON.stringify(manifest));

/** As it is written. A checksum of the manifest's own goes with it: a flipped bit in a label must show too. */
export const manifestText = (given: Manifest): string => {
  // Parsed, so that the fields stand in the schema's order: the checksum is over their text.
  const manifest = schema.parse(given);
  return `${JSON.stringify({ ...manifest, checksum: checksum(manifest) }, null, 2)}\n`;
};

/** Durably, mode 0600. */
export const writeManifest = (directory: string, manifest: Manifest): Promise<void> =>
  replaceFile(manifestPath(join(directory, manifest.archive)), manifestText(manifest), { mode: 0o600 });

const invalid = (path: string, problem: string): DeployError =>
  new DeployError('backup-invalid', `${path}: ${problem}`, {
    hint: 'this backup cannot be trusted; `kaleem-deploy backup list` shows the others',
  });

/** `backup-invalid` unless the text is a whole manifest of a version known here. */
export const parseManifest = (path: string, text: string): Manifest => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, `the manifest is not JSON: ${messageOf(error)}`);
  }
  const { checksum: sum, ...rest } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const parsed = schema.safeParse(rest);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(path, `the manifest is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`);
  }
  if (sum !== checksum(parsed.data)) throw invalid(path, 'the manifest does not match its own checksum');
  return parsed.data;
};

/** The manifest at `path`, or null when there is no such file. `backup-invalid` when it is damaged. */
export const readManifest = async (path: string): Promise<Manifest | null> => {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_MANIFEST) throw invalid(path, `the manifest has ${size} bytes`);
    const manifest = parseManifest(path, await readFile(path, 'utf8'));
    if (manifestPath(manifest.archive) !== basename(path)) {
      throw invalid(path, `it is the manifest of ${manifest.archive}, in ${dirname(path)}`);
    }
    return manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof DeployError) throw error;
    throw invalid(path, `the manifest cannot be read: ${messageOf(error)}`);
  }
};
