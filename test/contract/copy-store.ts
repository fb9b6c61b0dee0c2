import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/backup/copies/open-store.ts';
import type { Patience } from '../../src/backup/copies/patience.ts';
import type { CopyStore, Source } from '../../src/backup/copies/store.ts';
import type { CopyPlace } from '../../src/config/config.ts';
import { systemClock } from '../../src/system/clock.ts';
import { sha256Of } from '../../src/system/sha256.ts';
import { alsoKnownAt, type CopyServer } from '../support/copy-places.ts';
import { type Cutter, startCutter } from '../support/cutter.ts';

const MEGABYTE = 1024 * 1024;
const HURRIED: Patience = { connectMs: 5_000, silenceMs: 1_500, attempts: 4, pauseMs: 20 };

const sourceOf = (content: Buffer): Source => ({
  bytes: content.length,
  sha256: sha256Of(content),
  async *read(from, to = content.length) {
    for (let at = from; at < to; at += 100_000) yield content.subarray(at, Math.min(at + 100_000, to));
  },
});

const readAll = async (pieces: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
};

/** What every CopyStore does, against a real server. */
export const copyStoreContract = (name: string, startServer: () => Promise<CopyServer>): void => {
  describe(`${name} as a store for copies`, () => {
    let server: CopyServer;
    let store: CopyStore;
    const opened: CopyStore[] = [];
    const cutters: Cutter[] = [];

    const open = async (
      place: CopyPlace = server.place,
      { signal = new AbortController().signal, patience = HURRIED }: { signal?: AbortSignal; patience?: Patience } = {},
    ): Promise<CopyStore> => {
      const made = await openStore(place, { clock: systemClock, signal, patience });
      opened.push(made);
      return made;
    };
    const throughCutter = async (patience = HURRIED): Promise<{ cutter: Cutter; far: CopyStore }> => {
      const cutter = await startCutter(server.port);
      cutters.push(cutter);
      return { cutter, far: await open(await alsoKnownAt(server, cutter.port), { patience }) };
    };
    const put = (to: CopyStore, file: string, content: Buffer): Promise<void> =>
      to.put(file, sourceOf(content), () => {});
    const onDisk = (file: string): Promise<Buffer> => readFile(join(server.folder, file));
    const names = async (): Promise<readonly string[]> => (await store.list()).map((file) => file.name).sort();

    beforeAll(async () => {
      server = await startServer();
      await mkdir(server.folder, { recursive: true });
    });
    afterAll(() => server?.stop());
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.sweep(() => true);
      for (const file of await store.list()) await store.remove(file.name);
      for (const each of opened.splice(0)) each.close();
      for (const cutter of cutters.splice(0)) await cutter.close();
    });

    it('is empty at first, and what is not there can be removed', async () => {
      expect(await store.list()).toEqual([]);
      await store.remove('nothing');
      await store.sweep(() => true);
    });

    it.each([
      ['nothing', 0],
      ['a byte', 1],
      ['a few pieces', 3 * 32 * 1024 + 7],
      ['some parts', 20 * MEGABYTE + 11],
    ])('keeps %s byte for byte', async (what, bytes) => {
      const content = randomBytes(bytes);
      const file = `000001-${what.replaceAll(' ', '-')}.archive.gz`;
      const told: number[] = [];
      await store.put(file, sourceOf(content), (done) => told.push(done));
      expect(await store.list()).toEqual([{ name: file, bytes, modifiedAt: expect.any(Date) }]);
      expect((await onDisk(file)).equals(content)).toBe(true);
      expect((await readAll(store.get(file, bytes))).equals(content)).toBe(true);
      expect(told).toEqual(told.toSorted((a, b) => a - b));
      expect(Math.max(0, ...told)).toBeLessThanOrEqual(bytes);
      expect(await server.unfinished()).toBe(0);
      await store.remove(file);
      expect(await store.list()).toEqual([]);
    });

    it('replaces what has the name', async () => {
      await put(store, 'a.archive', randomBytes(200_000));
      const second = randomBytes(100_000);
      await put(store, 'a.archive', second);
      expect((await onDisk('a.archive')).equals(second)).toBe(true);
    });

    it('tells whether a file has a content', async () => {
      const content = randomBytes(9 * MEGABYTE);
      await put(store, 'a.archive', content);
      expect(await store.holds('a.archive', sourceOf(content))).toBe(true);
      expect(await store.holds('b.archive', sourceOf(content))).toBe(false);
      expect(await store.holds('a.archive', sourceOf(content.subarray(1)))).toBe(false);
      const other = Buffer.from(content);
      other[8 * MEGABYTE] = (other[8 * MEGABYTE] ?? 0) ^ 1;
      expect(await store.holds('a.archive', sourceOf(other))).toBe(false);
    });

    it('gives no name to what is not what was promised', async () => {
      const content = randomBytes(9 * MEGABYTE);
      const lying = { ...sourceOf(content), sha256: sha256Of(Buffer.from('else')) };
      await expect(store.put('a.archive', lying, () => {})).rejects.toMatchObject({ code: 'backup-invalid' });
      expect(await store.list()).toEqual([]);
    });

    it('lists files alone: no folders, links, or hidden ones, nor what lies deeper', async () => {
      await put(store, 'a.archive', randomBytes(10));
      await mkdir(join(server.folder, 'folder'), { recursive: true });
      await writeFile(join(server.folder, 'folder', 'b.archive'), 'deeper');
      await writeFile(join(server.folder, '.hidden'), 'hidden');
      expect(await names()).toEqual(['a.archive']);
      await store.sweep(() => true);
      expect(await readdir(server.folder)).toEqual(expect.arrayContaining(['.hidden', 'a.archive', 'folder']));
    });

    it('lists more than fits into one answer', async () => {
      const many = Array.from({ length: 1_050 }, (_, index) => `x${String(index).padStart(5, '0')}`);
      for (const each of many) await writeFile(join(server.folder, each), each);
      expect(await names()).toEqual(many);
    });

    it('goes on where a lost connection left off, up', async () => {
      const { cutter, far } = await throughCutter();
      const content = randomBytes(30 * MEGABYTE);
      cutter.cutAfter('up', 10 * MEGABYTE, 2);
      await put(far, 'a.archive', content);
      expect(cutter.connections).toBeGreaterThan(2);
      expect((await onDisk('a.archive')).equals(content)).toBe(true);
      expect(await server.unfinished()).toBe(0);
    });

    it('goes on where a lost connection left off, down', async () => {
      const { cutter, far } = await throughCutter();
      const content = randomBytes(30 * MEGABYTE);
      await put(store, 'a.archive', content);
      cutter.cutAfter('down', 8 * MEGABYTE, 3);
      expect((await readAll(far.get('a.archive', content.length))).equals(content)).toBe(true);
      expect(cutter.connections).toBeGreaterThan(3);
    });

    it('gives up on a connection that breaks again and again, and leaves nothing under the name', async () => {
      const { cutter, far } = await throughCutter();
      cutter.cutAfter('up', 20_000, 1_000);
      await expect(put(far, 'a.archive', randomBytes(MEGABYTE))).rejects.toMatchObject({ kind: 'unreachable' });
      expect(await names()).toEqual([]);
    });

    it('does not wait for ever for a server that fell silent', async () => {
      const patience = { ...HURRIED, silenceMs: 400, connectMs: 400, attempts: 2 };
      const { cutter, far } = await throughCutter(patience);
      await put(store, 'a.archive', randomBytes(MEGABYTE));
      cutter.fallSilentAfter('down', 200_000);
      await expect(readAll(far.get('a.archive', MEGABYTE)).then(({ length }) => length)).rejects.toMatchObject({
        kind: 'unreachable',
        message: expect.stringContaining('no answer within'),
      });
      cutter.heal();
      await expect(far.list()).resolves.toHaveLength(1);
    });

    it('stops at once when it is told to, and the next upload takes over', async () => {
      const abort = new AbortController();
      const hurried = await open(server.place, { signal: abort.signal });
      const content = randomBytes(40 * MEGABYTE);
      const reason = new Error('enough');
      const upload = hurried.put('a.archive', sourceOf(content), (done) => {
        if (done > 8 * MEGABYTE) abort.abort(reason);
      });
      await expect(upload).rejects.toBe(reason);
      expect(await names()).toEqual([]);
      await put(store, 'a.archive', content);
      expect((await onDisk('a.archive')).equals(content)).toBe(true);
    });

    it('lets two upload the same at once', async () => {
      const content = randomBytes(12 * MEGABYTE);
      const second = await open();
      const results = await Promise.allSettled([put(store, 'a.archive', content), put(second, 'a.archive', content)]);
      expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
      expect((await onDisk('a.archive')).equals(content)).toBe(true);
      expect((await readAll(store.get('a.archive', content.length))).equals(content)).toBe(true);
    });

    it('does not take a file for whole that is shorter or longer than it was listed', async () => {
      await put(store, 'a.archive', randomBytes(100_000));
      await writeFile(join(server.folder, 'a.archive'), randomBytes(50_000));
      await expect(readAll(store.get('a.archive', 100_000)).then(({ length }) => length)).rejects.toMatchObject({
        kind: 'failed',
      });
    });

    it('says so when nothing answers', async () => {
      const cutter = await startCutter(server.port);
      await cutter.close();
      const nobody = await open(await alsoKnownAt(server, cutter.port));
      await expect(nobody.list()).rejects.toMatchObject({ kind: 'unreachable' });
    });
  });
};
