import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface DiskSpace {
  /** Device number: two paths with the same one share their free space. */
  readonly device: number;
  /** Bytes an unprivileged process may still write. */
  readonly freeBytes: number;
  /** As df(1) shows it: of what an unprivileged process may have, rounded up. */
  readonly fullPercent: number;
}

/**
 * Free space of the file system that holds `path`, or would once it is created. Where a user may not look (the engine's folders are root's),
 * that of the nearest folder above that can be looked at.
 */
export const diskSpace = async (path: string): Promise<DiskSpace> => {
  try {
    const [{ dev }, fs] = await Promise.all([stat(path), statfs(path)]);
    const used = fs.blocks - fs.bfree;
    const fullPercent = Math.ceil((100 * used) / Math.max(1, used + fs.bavail));
    return { device: dev, freeBytes: fs.bavail * fs.bsize, fullPercent };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'EACCES'].includes(code) && dirname(path) !== path) return diskSpace(dirname(path));
    throw error;
  }
};
