import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

const contentOf = async (path: string): Promise<string> => {
  const { mode, mtimeMs } = await lstat(path);
  const permissions = (mode & 0o7777).toString(8);
  if ((mode & 0o170000) === 0o040000) return `folder ${permissions}`;
  if ((mode & 0o170000) === 0o120000) return `link to ${await readlink(path)}`;
  const digest = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return `file ${permissions} ${mtimeMs} ${digest}`;
};

/** Every file and folder below a folder: what it is, its mode, when it was written, what is in it. */
export const filesOf = async (directory: string): Promise<Readonly<Record<string, string>>> => {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [relative(directory, path), await contentOf(path)] as const)),
  );
};
