import { basename } from 'node:path';
import { messageOf } from '../../errors.ts';
import {
  type BackupEntry,
  idOf,
  isArchiveName,
  NO_MANIFEST,
  newestFirst,
  problemOf,
  sequenceOf,
} from '../catalogue.ts';
import { isManifestName, LARGEST_MANIFEST, type Manifest, manifestPath, parseManifest } from '../manifest.ts';
import { type Marks, markPath, NO_MARKS, parsePin } from '../marks.ts';
import { PlaceFailure } from './failure.ts';
import type { CopyStore, StoredFile } from './store.ts';

/** What lies at a place. */
export interface Copies {
  /** Newest first. `path` is for people: the place's URL and the archive's name. */
  readonly entries: readonly BackupEntry[];
  readonly files: readonly StoredFile[];
}

export const readText = async (store: CopyStore, { name, bytes }: StoredFile): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of store.get(name, bytes)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

const readManifestAt = async (store: CopyStore, file: StoredFile): Promise<Manifest> => {
  const where = `${store.url}/${file.name}`;
  if (file.bytes > LARGEST_MANIFEST) throw new PlaceFailure('failed', `${where}: the manifest has ${file.bytes} bytes`);
  const manifest = parseManifest(where, await readText(store, file));
  if (manifestPath(manifest.archive) === file.name) return manifest;
  throw new PlaceFailure('failed', `${where}: it is the manifest of ${manifest.archive}`);
};

const MARKS_SHOWN = 65_536;

/** Whatever else is wrong with it, a pin there counts. */
const marksAt = async (store: CopyStore, archive: string, files: ReadonlyMap<string, StoredFile>): Promise<Marks> => {
  const file = files.get(markPath(archive, 'pinned'));
  if (file === undefined) return NO_MARKS;
  const where = `${store.url}/${file.name}`;
  const text = file.bytes > MARKS_SHOWN ? '' : await readText(store, file);
  return { pinned: parsePin(where, text), verified: null };
};

const entryAt = async (
  store: CopyStore,
  file: StoredFile,
  files: ReadonlyMap<string, StoredFile>,
): Promise<BackupEntry> => {
  const nothing = { bytes: null, manifest: null, marks: NO_MARKS };
  try {
    const manifest = await readManifestAt(store, file);
    const { id, archive } = manifest;
    const bytes = files.get(archive)?.bytes ?? null;
    const problem = problemOf(manifest, bytes);
    const marks = await marksAt(store, archive, files);
    // A manifest is written there once the archive beside it has been read back, and not before.
    const verified = problem === null ? { at: file.modifiedAt.toISOString(), problem: null } : null;
    return { id, path: `${store.url}/${archive}`, bytes, manifest, problem, marks: { ...marks, verified } };
  } catch (error) {
    // A place that can't be read is a failure; a manifest that is none is a finding.
    if (error instanceof PlaceFailure && error.kind !== 'failed') throw error;
    return { id: idOf(file.name), path: `${store.url}/${file.name}`, ...nothing, problem: messageOf(error) };
  }
};

/** Whether a name is one that this tool gives: `000012-v0.0.1.archive.gz`. Others' files are left alone. */
export const isOurs = (name: string): boolean => sequenceOf(idOf(name)) >= 0 && isArchiveName(name);

/** Reads names, sizes and manifests; archives are not read. What is not a backup is not listed. */
export const listCopies = async (store: CopyStore): Promise<Copies> => {
  const listed = await store.list();
  const files = new Map(listed.map((file) => [file.name, file]));
  const entries: BackupEntry[] = [];
  for (const file of listed) {
    if (isManifestName(file.name)) entries.push(await entryAt(store, file, files));
    else if (isArchiveName(file.name) && !files.has(manifestPath(file.name))) {
      const { name, bytes } = file;
      const facts = { id: idOf(name), path: `${store.url}/${name}`, bytes, manifest: null, marks: NO_MARKS };
      entries.push({ ...facts, problem: NO_MANIFEST });
    }
  }
  return { entries: newestFirst(entries), files: listed };
};

/** Removes a copy, the manifest first: an archive without one is known to be unfinished. */
export const removeCopy = async (store: CopyStore, { path, manifest }: BackupEntry): Promise<void> => {
  const archive = manifest?.archive ?? basename(path);
  await store.remove(manifestPath(archive));
  await store.remove(archive);
  await store.remove(markPath(archive, 'pinned'));
};
