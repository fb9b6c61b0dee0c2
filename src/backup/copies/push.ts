import { stat } from 'node:fs/promises';
import { DeployError } from '../../errors.ts';
import type { BackupEntry, WholeEntry } from '../catalogue.ts';
import { manifestPath, manifestText } from '../manifest.ts';
import { markPath, markText } from '../marks.ts';
import { type Copies, isOurs } from './catalogue.ts';
import { damagedHere, fileSource, textSource } from './file-source.ts';
import type { CopyStore } from './store.ts';

/** Whether a place holds a backup, whole as far as a look tells. */
export const isThere = ({ manifest }: WholeEntry, { entries }: Copies): boolean =>
  entries.some((each) => each.problem === null && each.id === manifest.id && each.manifest?.sha256 === manifest.sha256);

/** Two projects that share a folder would take each other's backups for their own. */
const refuseOther = (store: CopyStore, { manifest }: WholeEntry, { entries }: Copies): void => {
  const there = entries.find((each) => each.manifest?.archive === manifest.archive)?.manifest;
  if (there === undefined || there === null || there.sha256 === manifest.sha256) return;
  throw new DeployError('copy-failed', `${store.url} has another backup ${manifest.id}, made ${there.createdAt}`, {
    hint:
      'a place belongs to one project and destination: give each a folder of its own. ' +
      'Where the backups here were lost and their numbers began anew: move the one there into another folder',
  });
};

/** Copies a backup: its archive, then its manifest, each compared there before it gets its name. */
export const pushBackup = async (
  store: CopyStore,
  entry: WholeEntry,
  copies: Copies,
  onBytes: (bytes: number) => void,
): Promise<void> => {
  const { manifest, path } = entry;
  refuseOther(store, entry, copies);
  const source = fileSource(path, manifest);
  if ((await stat(path)).size !== manifest.bytes) throw damagedHere();
  const there = copies.files.find(({ name }) => name === manifest.archive);
  // An earlier push may have come as far as the manifest.
  const isDone = there?.bytes === manifest.bytes && (await store.holds(manifest.archive, source));
  if (!isDone) await store.put(manifest.archive, source, onBytes);
  await store.put(manifestPath(manifest.archive), textSource(manifestText(manifest)), () => {});
};

/** Has the pins of what is on this host and there be the same there. */
export const copyPins = async (store: CopyStore, here: readonly BackupEntry[], { entries }: Copies): Promise<void> => {
  for (const { id, manifest, marks } of here) {
    const there = entries.find((each) => each.id === id);
    if (manifest === null || there === undefined) continue;
    const name = markPath(manifest.archive, 'pinned');
    const { pinned } = marks;
    if (pinned !== null && there.marks.pinned?.reason !== pinned.reason) {
      await store.put(name, textSource(markText(pinned)), () => {});
    }
    if (pinned === null && there.marks.pinned !== null) await store.remove(name);
  }
};

/** An upload that somebody else has under way is not older. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Removes what uploads that were cut short have left: once what they were for is there, or after a day. */
export const sweepCopies = async (store: CopyStore, { entries, files }: Copies, now: Date): Promise<void> => {
  const isOld = (at: Date): boolean => now.getTime() - at.getTime() > STALE_MS;
  const isWholeThere = (name: string): boolean =>
    entries.some((each) => each.problem === null && each.manifest?.archive === name);
  await store.sweep(({ name, since }) => isWholeThere(name) || isOld(since));
  const known = new Set(files.map(({ name }) => name));
  for (const { name, modifiedAt } of files) {
    if (isOurs(name) && !known.has(manifestPath(name)) && isOld(modifiedAt)) await store.remove(name);
  }
};
