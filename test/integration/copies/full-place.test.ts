import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/backup/copies/open-store.ts';
import type { CopyStore, Source } from '../../../src/backup/copies/store.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { sha256Of } from '../../../src/system/sha256.ts';
import { type CopyServer, startSshd } from '../../support/copy-places.ts';

const MEGABYTE = 1024 * 1024;

describe.runIf(process.getuid?.() === 0)('a place whose disk is full', () => {
  let folder: string;
  let server: CopyServer;
  let store: CopyStore;
  const sourceOf = (content: Buffer, onRead: () => Promise<void> = async () => {}): Source => ({
    ...{ bytes: content.length, sha256: sha256Of(content) },
    async *read(from, to = content.length) {
      for (let at = from; at < to; at += MEGABYTE) {
        yield content.subarray(at, Math.min(at + MEGABYTE, to));
        await onRead();
      }
    },
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    server = await startSshd({ folder });
    store = await openStore(server.place, { clock: systemClock, signal: new AbortController().signal });
  });
  afterAll(async () => {
    store?.close();
    await server?.stop();
    execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });

  it('is known before anything is sent', async () => {
    await expect(store.put('a.archive', sourceOf(randomBytes(20 * MEGABYTE)), () => {})).rejects.toMatchObject({
      kind: 'full',
      message: expect.stringContaining('21 MB needed'),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('fills up in the middle: that is said, and no room is taken', async () => {
    const other = join(folder, 'somebody-elses');
    const content = randomBytes(6 * MEGABYTE);
    let reads = 0;
    const source = sourceOf(content, async () => {
      reads += 1;
      if (reads === 2) await writeFile(other, randomBytes(5 * MEGABYTE)).catch(() => {});
    });
    await expect(store.put('a.archive', source, () => {})).rejects.toMatchObject({ kind: 'full' });
    expect(await readdir(folder)).toEqual(['somebody-elses']);
    await rm(other);
    await store.put('a.archive', sourceOf(content), () => {});
    expect(await store.list()).toMatchObject([{ name: 'a.archive', bytes: content.length }]);
  });
});
