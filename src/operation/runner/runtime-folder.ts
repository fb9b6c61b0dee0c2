import { existsSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isMarker } from '../../system/marker.ts';

/** sun_path has 108 bytes, the last of which is NUL (unix(7)). */
const LONGEST_PATH = 107;

export interface User {
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether the user's services outlive the last login (`loginctl enable-linger`). */
  readonly lingers: boolean;
}

const name = (): string => {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
};

/** Whoever runs this. systemd-logind keeps lingering users as files of their names (systemd-logind.service(8)). */
export const thisUser = (environment: User['environment']): User => ({
  uid: process.getuid?.() ?? 0,
  environment,
  lingers: name() !== '' && existsSync(join('/var/lib/systemd/linger', name())),
});

/**
 * Folders for a user's sockets, the best first. $XDG_RUNTIME_DIR goes away with the user's last login, unless the user
 * lingers; a run does not, and must be found again after the next login.
 */
export const runtimeFolders = ({ uid, environment, lingers }: User): readonly string[] => {
  const fallback = `/tmp/kaleem-deploy-${uid}`;
  if (uid === 0) return ['/run/kaleem-deploy', fallback];
  const xdg = environment.XDG_RUNTIME_DIR ?? '';
  const own = [...new Set([xdg, `/run/user/${uid}`])].filter(isAbsolute).map((path) => join(path, 'kaleem-deploy'));
  return lingers ? [...own, fallback] : [fallback, ...own];
};

/** Whether nobody else can open what is in it, or put something there: a folder, no link, ours, 0700. */
export const isPrivate = async (path: string, uid: number): Promise<boolean> => {
  const found = await lstat(path).catch(() => null);
  return found?.isDirectory() === true && found.uid === uid && (found.mode & 0o7777) === 0o700;
};

/** The first of the folders that is private or can be made so; null when there is none. */
export const openRuntimeFolder = async (folders: readonly string[], uid: number): Promise<string | null> => {
  for (const folder of folders) {
    if (socketIn(folder, '0'.repeat(16)).length > LONGEST_PATH) continue;
    // Only the last part is made: a missing /run/user/1000 is logind's to make.
    await mkdir(folder, { mode: 0o700 }).catch(() => {});
    if (await isPrivate(folder, uid)) return folder;
  }
  return null;
};

/** The socket of the runner with this marker, in a folder. */
export const socketIn = (folder: string, marker: string): string => join(folder, `${marker}.sock`);

export const markerOf = (fileName: string): string | null => {
  const marker = fileName.replace(/\.sock$/, '');
  return fileName.endsWith('.sock') && isMarker(marker) ? marker : null;
};
