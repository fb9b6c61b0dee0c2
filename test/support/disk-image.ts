import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rename, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of its own, in a file, mounted at a folder. */
export interface DiskImage {
  readonly directory: string;
  /** Copies the disk as it is, without what only the page cache has yet. Whoever writes to it must be stopped. */
  copy(): Promise<void>;
  /** Mounts the copy in the disk's place, as after a power cut. Nobody may use the file system. */
  cutPower(): Promise<void>;
  /** Leaves so many bytes free, or all there are again (null). */
  leave(bytes: number | null): Promise<void>;
  /** Unmounts and removes it all. */
  remove(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const FILLER = '.filler';
/** A process that was killed takes a moment to let go. */
const PATIENCE_MS = 10_000;

/** What makes each, with nothing kept back for root; files of the second can share what they have in common. */
const MAKERS = {
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=0', '-b'],
  xfs: ['mkfs.xfs', '-q', '-f', '-m', 'reflink=1', '-b'],
} as const;
export type FileSystem = keyof typeof MAKERS;

export interface DiskImageOptions {
  /** XFS needs 300. */
  readonly mebibytes?: number;
  readonly fileSystem?: FileSystem;
  /** How finely it fills up. */
  readonly blockBytes?: number;
}

/** The mount options are the defaults. */
export const makeDiskImage = async (options: DiskImageOptions = {}): Promise<DiskImage> => {
  const { fileSystem = 'ext4', blockBytes = 4096 } = options;
  const { mebibytes = fileSystem === 'xfs' ? 300 : 48 } = options;
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-disk-'));
  const directory = join(folder, 'project');
  const file = join(folder, 'image');
  await mkdir(directory);
  await run('truncate', ['-s', `${mebibytes}M`, file]);
  const [program, ...flags] = MAKERS[fileSystem];
  const size = fileSystem === 'xfs' ? `size=${blockBytes}` : String(blockBytes);
  await run(program, [...flags, size, file]);
  const mount = async (): Promise<void> => {
    await run('mount', ['-o', fileSystem === 'ext4' ? 'loop,data=ordered' : 'loop', file, directory]);
  };
  const unmount = async (): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const failure = await run('umount', [directory]).then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return;
      if (performance.now() > deadline) throw failure;
      await sleep(50);
    }
  };
  /** Write requests that the loop device has been given since it was made. */
  const writes = async (): Promise<string> => {
    const { stdout } = await run('findmnt', ['-n', '-o', 'SOURCE', '--mountpoint', directory]);
    const counts = (await readFile(`/sys/block/${basename(stdout.trim())}/stat`, 'utf8')).trim().split(/\s+/);
    return `${counts[4]} ${counts[6]} ${counts[8]}`;
  };
  const copied = `${file}.copy`;
  await mount();
  await rm(join(directory, 'lost+found'), { recursive: true, force: true });
  return {
    directory,
    async copy() {
      for (;;) {
        const before = await writes();
        await run('cp', ['--reflink=auto', '--sparse=always', file, copied]);
        // The file system's own threads write now and then: a copy of two moments is none of a disk.
        if ((await writes()) === before) return;
      }
    },
    async cutPower() {
      await unmount();
      await rename(copied, file);
      await mount();
    },
    async leave(bytes) {
      const path = join(directory, FILLER);
      await rm(path, { force: true });
      if (bytes === null) return;
      const { bavail, bsize } = await statfs(directory);
      const handle = await open(path, 'w');
      // A little goes into the filler's own description; what is then still missing or too much, a second look puts right.
      let size = Math.max(0, bavail * bsize - bytes);
      try {
        for (let at = 0; at < size; at += MEBIBYTE) {
          await handle.write(Buffer.alloc(Math.min(MEBIBYTE, size - at)), 0, null, at);
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        ({ size } = await handle.stat());
      }
      await handle.sync();
      const now = await statfs(directory);
      size += now.bavail * now.bsize - bytes;
      await handle.truncate(size);
      await handle.sync();
      await handle.close();
    },
    async remove() {
      await run('umount', ['-l', directory]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
};
