import { mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { diskSpace } from '../../../src/system/disk.ts';

it('measures the file system of a folder in bytes', async () => {
  const fs = await statfs(tmpdir());
  const { device, freeBytes } = await diskSpace(tmpdir());
  expect(device).toBe((await stat(tmpdir())).dev);
  // Others write at the same time.
  expect(Math.abs(freeBytes - fs.bavail * fs.bsize)).toBeLessThan(2 ** 30);
});

it('takes the nearest folder that exists for a path that does not yet', async () => {
  const { device } = await diskSpace(tmpdir());
  await expect(diskSpace(join(tmpdir(), 'kaleem-no', 'such', 'folder'))).resolves.toMatchObject({ device });
});

it('tells file systems apart', async () => {
  const [proc, temporary] = await Promise.all([diskSpace('/proc'), diskSpace(tmpdir())]);
  expect(proc.device).not.toBe(temporary.device);
});

it('says so when the path leads through a file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-disk-'));
  try {
    await writeFile(join(directory, 'file'), '');
    await expect(diskSpace(join(directory, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  } finally {
    await rm(directory, { recursive: true });
  }
});
