import { lchown, lstat, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { around } from './failpoints/around.ts';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The folder's own, or, where that is root, that of the folder it lies in. */
const ownerOf = async (directory: string): Promise<Owner> => {
  const own = await lstat(directory);
  return own.uid === 0 ? lstat(dirname(directory)) : own;
};

/**
 * Gives what root has made in a folder of another user to that one, so that the user can go on with it. Folders, and files with
 * one name: neither links nor what has a second name elsewhere. Does nothing for anybody but root, nor where there is no such folder.
 */
export const giveToOwner = async (directory: string): Promise<void> => {
  if (process.getuid?.() !== 0) return;
  const path = resolve(directory);
  const owner = await ownerOf(path).catch(() => null);
  if (owner === null || owner.uid === 0) return;
  const below = await readdir(path, { recursive: true, withFileTypes: true });
  for (const at of [path, ...below.map(({ parentPath, name }) => join(parentPath, name))]) {
    const found = await lstat(at).catch(() => null);
    if (found === null || found.uid !== 0) continue;
    const alone = found.isDirectory() || (found.isFile() && found.nlink === 1);
    if (alone) await around('file.give', () => lchown(at, owner.uid, owner.gid));
  }
};
