import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { failpoint } from '#failpoint';
import { around } from './failpoints/around.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;

const orNull =
  (...codes: readonly string[]) =>
  (error: unknown): null => {
    if (codes.includes(codeOf(error) ?? '')) return null;
    throw error;
  };

/** fsync of a directory: makes a creation, rename or removal in it survive power loss. */
export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await around('file.sync-directory', () => handle.sync());
  } finally {
    await handle.close();
  }
};

/** Makes a file that another program wrote, and its name, survive power loss. */
export const makeDurable = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await around('file.sync', () => handle.sync());
  } finally {
    await handle.close();
  }
  await syncDirectory(dirname(path));
};

/** Creates a directory (mode 0700) and its parents, durably. Existing ones are left as they are. */
export const makeDirectory = async (path: string, mode = 0o700): Promise<void> => {
  const target = resolve(path);
  const first = await around('file.make-directory', () => mkdir(target, { recursive: true, mode }));
  if (first === undefined) return;
  for (let at = target; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at));
};

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Creates a file and fsyncs it; its directory entry is the caller's to sync. Refuses an existing one. A write that comes
 * to less than the whole is an error, and an error leaves no file behind.
 *
 * @param mode - permission bits, whatever the umask
 */
export const createFile = async (
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
  owner: Owner | null = null,
): Promise<void> => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  // O_EXCL: never through a link that somebody left there, nor into a file that somebody else is writing.
  await failpoint('file.create.before');
  const handle = await open(path, 'wx', 0o600);
  try {
    await failpoint('file.create.opened');
    await handle.writeFile(bytes);
    await failpoint('file.create.written');
    const { size } = await handle.stat();
    if (size !== bytes.byteLength) throw new Error(`${path}: wrote ${size} of ${bytes.byteLength} bytes`);
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(mode);
    await handle.sync();
    await failpoint('file.create.after');
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(path, { force: true });
    throw error;
  }
};

/** Linux gives up after as many (path_resolution(7)). */
const MOST_LINKS = 40;

/** Where a path leads when it is a symbolic link, its last part being allowed not to exist. */
const followLinks = async (path: string): Promise<string> => {
  let at = resolve(path);
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const directory = await realpath(dirname(at));
    at = join(directory, basename(at));
    const link = await readlink(at).catch(orNull('EINVAL', 'ENOENT'));
    if (link === null) return at;
    at = resolve(directory, link);
  }
  throw Object.assign(new Error(`${path}: too many symbolic links`), { code: 'ELOOP' });
};

export interface ReplaceOptions {
  /** Permission bits. Default: the old file's, or 0600 for a new one. */
  readonly mode?: number;
}

/**
 * Replaces a file so that after a crash or a full disk it is the old one or the new one, whole: write a temporary file
 * in the same directory, check its length, fsync, rename, fsync the directory. A symbolic link stays one: its target is
 * replaced. Only a regular file is. A crash may leave the temporary file, `.NAME.<8 hex digits>.tmp`, beside it.
 */
export const replaceFile = async (
  path: string,
  content: string | Uint8Array,
  options: ReplaceOptions = {},
): Promise<void> => {
  const target = await followLinks(path);
  const old = await stat(target).catch(orNull('ENOENT'));
  if (old !== null && !old.isFile()) throw new Error(`${target} is not a regular file, so it is not replaced`);
  const mode = options.mode ?? (old ? old.mode & 0o777 : 0o600);
  // Root keeps the owner; anyone else can't give files away.
  const owner = old !== null && process.getuid?.() === 0 ? old : null;
  const name = basename(target).slice(0, 200);
  const temporary = join(dirname(target), `.${name}.${randomBytes(4).toString('hex')}.tmp`);
  await createFile(temporary, content, mode, owner);
  try {
    await around('file.rename', () => rename(temporary, target));
  } catch (error) {
    await around('file.abandon', () => rm(temporary, { force: true }));
    throw error;
  }
  await syncDirectory(dirname(target));
};

/** Removes a file or a directory tree durably; what is not there is not an error. */
export const removeDurably = async (path: string): Promise<void> => {
  await around('file.remove', () => rm(path, { recursive: true, force: true }));
  await syncDirectory(dirname(path)).catch(orNull('ENOENT'));
};

const TEMPORARY = /^\.(.+?)(?:\.[0-9a-f]{8})?\.tmp$/;

/**
 * Removes what a process that died in the middle of `replaceFile`, or of writing an archive, left in a directory. Of these
 * files alone, when `names` says so: in a folder that is not ours a `.x.tmp` may be anybody's.
 */
export const removeTemporaries = async (directory: string, names: readonly string[] | null = null): Promise<void> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(orNull('ENOENT', 'ENOTDIR'));
  for (const entry of entries ?? []) {
    const of = TEMPORARY.exec(entry.name)?.[1];
    if (of === undefined || !entry.isFile() || names?.includes(of) === false) continue;
    await removeDurably(join(directory, entry.name));
  }
};

/** Makes a file readable by its owner alone. */
export const makePrivate = (path: string): Promise<void> => around('file.make-private', () => chmod(path, 0o600));
