import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface DiskSpace {
  /** Device number: two paths with the same one share their free space. */
  readonly device: number;
  /** Bytes an unprivileged process may still write. */
  readonly freeBytes: number;
}

/** Free space of the file system that holds `path`, or would once it is created. */
export const diskSpace = async (path: string): Promise<DiskSpace> => {
  try {
    const [{ dev }, fs] = await Promise.all([stat(path), statfs(path)]);
    return { device: dev, freeBytes: fs.bavail * fs.bsize };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path) return diskSpace(dirname(path));
    throw error;
  }
};
