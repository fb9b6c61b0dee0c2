import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { DeployError, messageOf } from '../errors.ts';
import { removeDurably } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import {
  ARCHIVE_SUFFIXES,
  archiveName,
  archiveStem,
  isManifestName,
  type Manifest,
  manifestPath,
  readManifest,
  writeManifest,
} from './manifest.ts';
import { clearMarks, type Marks, NO_MARKS, readMarks } from './marks.ts';

export interface BackupEntry {
  readonly id: string;
  /** Absolute path of the archive, as far as the directory's is. */
  readonly path: string;
  /** Size of the archive; null when it is not there. */
  readonly bytes: number | null;
  /** Null when there is none or it is damaged. */
  readonly manifest: Manifest | null;
  /** What is wrong with it, as far as a look at the file system can tell, or as the last `backup verify` found; null: nothing. */
  readonly problem: string | null;
  readonly marks: Marks;
}

/** With a manifest, and nothing known to be wrong with it. */
export type WholeEntry = BackupEntry & { readonly manifest: Manifest };
export const isWhole = (entry: BackupEntry): entry is WholeEntry => entry.manifest !== null && entry.problem === null;

export const isArchiveName = (name: string): boolean =>
  !name.startsWith('.') && ARCHIVE_SUFFIXES.some((suffix) => name.endsWith(suffix));

/** Of an archive's or a manifest's name. */
export const idOf = (name: string): string => archiveStem(name).replace(/\.manifest\.json$/, '');

/** The number an id starts with; backups that others put here have none and come last. */
export const sequenceOf = (id: string): number => {
  const match = /^(\d{6,12})(?:-|$)/.exec(id);
  return match === null ? -1 : Number(match[1]);
};

const namesIn = async (directory: string): Promise<readonly string[]> => {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

const sizeOf = (path: string): Promise<number | null> =>
  stat(path).then(
    (found) => found.size,
    () => null,
  );

/** Of an archive that stands alone. */
export const NO_MANIFEST = 'it has no manifest: unfinished, or not made by this tool';

/** What a look at names and sizes can find wrong. */
export const problemOf = (manifest: Manifest, size: number | null): string | null => {
  if (size === null) return `its archive ${manifest.archive} is not there`;
  return size === manifest.bytes ? null : `its archive has ${size} bytes and should have ${manifest.bytes}`;
};

const withoutManifest = async (id: string, path: string, problem: string): Promise<BackupEntry> => ({
  ...{ id, path, bytes: await sizeOf(path), manifest: null, problem },
  marks: await readMarks(path),
});

const withManifest = async (directory: string, name: string, names: readonly string[]): Promise<BackupEntry> => {
  const id = idOf(name);
  try {
    const manifest = await readManifest(join(directory, name));
    if (manifest === null) return await withoutManifest(id, join(directory, id), 'its manifest has gone');
    const path = join(directory, manifest.archive);
    const bytes = await sizeOf(path);
    const marks = await readMarks(path);
    const problem = problemOf(manifest, bytes) ?? marks.verified?.problem ?? null;
    return { id: manifest.id, path, bytes, manifest, problem, marks };
  } catch (error) {
    // What a damaged manifest says of its archive counts for nothing.
    const archive = names.find((each) => isArchiveName(each) && manifestPath(each) === name);
    const path = join(directory, archive ?? archiveName(id, { compressed: true, encrypted: false }));
    return withoutManifest(id, path, messageOf(error));
  }
};

/** By number, never by clock. */
export const newestFirst = (entries: readonly BackupEntry[]): readonly BackupEntry[] =>
  entries.toSorted((a, b) => sequenceOf(b.id) - sequenceOf(a.id) || (a.id < b.id ? 1 : -1));

/**
 * The backups of a directory, newest first (by number, never by clock). A look at names, sizes and manifests; contents are
 * what `verifyBackup` reads. A directory that is not there holds none.
 */
export const listBackups = async (directory: string): Promise<readonly BackupEntry[]> => {
  const names = await namesIn(directory);
  const manifests = names.filter(isManifestName);
  const entries = await Promise.all(manifests.map((name) => withManifest(directory, name, names)));
  const known = new Set(manifests);
  for (const name of names) {
    if (!isArchiveName(name) || known.has(manifestPath(name))) continue;
    entries.push(await withoutManifest(idOf(name), join(directory, name), NO_MANIFEST));
  }
  return newestFirst(entries);
};

/** One of these by its id or its number. */
export const pickBackup = (entries: readonly BackupEntry[], asked: string): BackupEntry | undefined => {
  const number = /^\d{1,12}$/.test(asked) ? Number(asked) : null;
  return (
    entries.find(({ id }) => id === asked) ?? entries.find(({ id }) => number !== null && sequenceOf(id) === number)
  );
};

/** A backup by its id, its number, or the path of an archive. `not-found` names what there is. */
export const findBackup = async (directory: string, idOrFile: string): Promise<BackupEntry> => {
  const entries = await listBackups(directory);
  const found = entries.find(({ path }) => path === idOrFile) ?? pickBackup(entries, idOrFile);
  if (found !== undefined) return found;
  if (isAbsolute(idOrFile) || idOrFile.includes('/')) {
    const file = await stat(idOrFile).catch(() => null);
    if (file?.isFile()) {
      const manifest = await readManifest(manifestPath(idOrFile));
      const problem = manifest === null ? 'it has no manifest: not made by this tool' : problemOf(manifest, file.size);
      return { id: manifest?.id ?? idOrFile, path: idOrFile, bytes: file.size, manifest, problem, marks: NO_MARKS };
    }
  }
  throw new DeployError('not-found', `there is no backup ${idOrFile} in ${directory}`, {
    hint: '`kaleem-deploy backup list` shows all of them',
    details: entries.slice(0, 5).map(({ id }) => id),
  });
};

/** Sorts after every id there is: `000013-v0.0.2`. Characters that a file name should not have become `_`. */
export const nextBackupId = async (directory: string, label: string): Promise<string> => {
  const names = await namesIn(directory);
  const last = names.reduce((highest, name) => Math.max(highest, sequenceOf(idOf(name.replace(/^\./, '')))), 0);
  const safe = label.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 150);
  return `${String(last + 1).padStart(6, '0')}${safe === '' ? '' : `-${safe}`}`;
};

/**
 * Removes a backup durably, the manifest first: an archive without one is known to be unfinished, never taken for whole. On a
 * disk that fails it rejects, and leaves a whole backup or none.
 */
export const removeBackup = async ({ path, manifest }: BackupEntry): Promise<void> => {
  await clearMarks(path);
  const failures: unknown[] = [];
  await around('backup.remove-manifest', () => removeDurably(manifestPath(path))).catch(async (error: unknown) => {
    if ((await sizeOf(manifestPath(path))) !== null) throw error;
    failures.push(error);
  });
  await around('backup.remove-archive', () => removeDurably(path)).catch(async (error: unknown) => {
    if (manifest !== null && (await sizeOf(path)) !== null) await writeManifest(dirname(path), manifest);
    throw error;
  });
  if (failures.length > 0) throw failures[0];
};
