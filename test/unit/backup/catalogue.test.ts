import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBackup, listBackups, nextBackupId, removeBackup } from '../../../src/backup/catalogue.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { manifestPath } from '../../../src/backup/manifest.ts';
import { clearMark, setMark } from '../../../src/backup/marks.ts';
import { verifyMarked } from '../../../src/backup/verify-marked.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { failingAt } from '../../support/failpoints.ts';
import { type TemporaryFolder, temporaryFolder } from './archive-builder.ts';
import { fakeServer } from './fake-server.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const backUp = (id: string) =>
  createBackup({
    ...{ database: fakeServer('d'), directory: folder.path, id, operation: null, release: null },
    ...{ consistency: 'fenced', compression: 1, clock: systemClock },
  });
const ids = async () => (await listBackups(folder.path)).map(({ id }) => id);

describe('the list of backups', () => {
  test('is empty where there is no folder', async () => {
    expect(await listBackups(join(folder.path, 'none'))).toEqual([]);
  });
  test('is ordered by number, newest first, however many there are', async () => {
    for (const id of ['000009-a', '000010-a', '999999-z', '1000000-a']) await backUp(id);
    expect(await ids()).toEqual(['1000000-a', '999999-z', '000010-a', '000009-a']);
  });
  test('says what is wrong with each', async () => {
    for (const id of ['000001', '000002', '000003', '000004']) await backUp(id);
    await rm(join(folder.path, '000002.archive.gz'));
    await writeFile(join(folder.path, '000003.archive.gz'), 'short');
    await writeFile(join(folder.path, '000004.manifest.json'), '{');
    await writeFile(join(folder.path, 'foreign.archive'), 'x');
    await writeFile(join(folder.path, '.000005.archive.gz.tmp'), 'unfinished');
    await writeFile(join(folder.path, 'README'), 'x');
    await mkdir(join(folder.path, 'sub'));
    const problems = (await listBackups(folder.path)).map(({ id, problem }) => [id, problem]);
    expect(problems).toEqual([
      ['000004', expect.stringContaining('not JSON')],
      ['000003', expect.stringMatching(/has 5 bytes and should have \d+/)],
      ['000002', expect.stringContaining('is not there')],
      ['000001', null],
      ['foreign', expect.stringContaining('no manifest')],
    ]);
  });
});

describe('a backup is found', () => {
  test('by id, by number, by path', async () => {
    await backUp('000012-v1');
    const path = join(folder.path, '000012-v1.archive.gz');
    for (const name of ['000012-v1', '12', '000012', path])
      expect((await findBackup(folder.path, name)).path).toBe(path);
  });
  test('by the path of an archive from elsewhere', async () => {
    const path = await folder.file(Buffer.from('x'), 'theirs.gz');
    expect(await findBackup(folder.path, path)).toMatchObject({ path, manifest: null, bytes: 1 });
  });
  test('or the error names those there are', async () => {
    await backUp('000001-v1');
    await expect(findBackup(folder.path, 'v9')).rejects.toMatchObject({ code: 'not-found', details: ['000001-v1'] });
  });
});

describe('the next id', () => {
  test('starts at one and carries the label as a file name can', async () => {
    expect(await nextBackupId(folder.path, 'v0.0.1')).toBe('000001-v0.0.1');
    expect(await nextBackupId(folder.path, '../a b')).toBe('000001-.._a_b');
    expect(await nextBackupId(folder.path, '')).toBe('000001');
  });
  test('follows the highest number there is, unfinished and damaged ones included', async () => {
    await backUp('000007-a');
    expect(await nextBackupId(folder.path, 'b')).toBe('000008-b');
    await writeFile(join(folder.path, '.000011-x.archive.gz.tmp'), '');
    expect(await nextBackupId(folder.path, 'b')).toBe('000012-b');
  });
});

test('removing takes archive and manifest', async () => {
  await backUp('000001');
  const [entry] = await listBackups(folder.path);
  await removeBackup(entry as NonNullable<typeof entry>);
  expect(await ids()).toEqual([]);
  expect(await listBackups(manifestPath(folder.path))).toEqual([]);
});

describe('removing on a disk that fails', () => {
  const failing = async (name: string, hit: number): Promise<readonly string[]> => {
    const [entry] = await listBackups(folder.path);
    await failingAt(name, hit, 'EIO', () =>
      expect(removeBackup(entry as NonNullable<typeof entry>)).rejects.toMatchObject({ code: 'EIO' }),
    );
    return (await readdir(folder.path)).sort();
  };
  const whole = ['000001.archive.gz', '000001.manifest.json'];
  test.each([
    ['a mark cannot be removed', 'file.remove.before', 1, whole],
    ['the removal of a mark is not durable', 'file.sync-directory.before', 2, whole],
    ['the manifest cannot be removed', 'file.remove.before', 3, whole],
    ['its removal is not durable', 'file.sync-directory.before', 3, []],
    ['the archive cannot be removed', 'file.remove.before', 4, whole],
    ['the removal of the archive is not durable', 'file.sync-directory.before', 4, []],
  ])('leaves no half of a backup: %s', async (_, name, hit, left) => {
    await backUp('000001');
    expect(await failing(name, hit)).toEqual(left);
    if (left.length > 0) expect((await listBackups(folder.path))[0]?.problem).toBeNull();
  });
});

describe('marks', () => {
  const entry = async () => (await listBackups(folder.path))[0] as NonNullable<Awaited<ReturnType<typeof findBackup>>>;
  test('lie beside the backup, are read with it, and go with it', async () => {
    await backUp('000001');
    const { path } = await entry();
    expect((await entry()).marks).toEqual({ pinned: null, verified: null });
    const pinned = { at: '2026-11-20T05:00:00.000Z', by: 'me@here', reason: 'audit' };
    await setMark(path, 'pinned', pinned);
    await setMark(path, 'verified', { at: pinned.at, problem: null });
    expect(await entry()).toMatchObject({ problem: null, marks: { pinned, verified: { problem: null } } });
    await clearMark(path, 'pinned');
    await clearMark(path, 'pinned');
    expect((await entry()).marks.pinned).toBeNull();
    await setMark(path, 'pinned', pinned);
    await removeBackup(await entry());
    expect(await readdir(folder.path)).toEqual([]);
  });
  test('what the last verification found is a problem', async () => {
    await backUp('000001');
    await setMark((await entry()).path, 'verified', { at: '2026-11-20T05:00:00.000Z', problem: 'a CRC is wrong' });
    expect((await entry()).problem).toBe('a CRC is wrong');
  });
  test('that are damaged count as pinned and as not verified', async () => {
    await backUp('000001');
    await writeFile(join(folder.path, '000001.pinned.json'), '{"at":');
    await writeFile(join(folder.path, '000001.verified.json'), '{}');
    const { marks } = await entry();
    expect(marks).toMatchObject({
      pinned: { reason: expect.stringContaining('000001.pinned.json is damaged') },
      verified: null,
    });
  });
});

describe('verifying with a mark', () => {
  test('notes when, and what was found', async () => {
    await backUp('000001');
    const path = join(folder.path, '000001.archive.gz');
    await verifyMarked(path, systemClock);
    expect((await findBackup(folder.path, '1')).marks.verified).toMatchObject({ problem: null });
    const bytes = await readFile(path);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(verifyMarked(path, systemClock)).rejects.toMatchObject({ code: 'backup-invalid' });
    expect((await findBackup(folder.path, '1')).problem).toContain('000001.archive.gz');
  });
  test('that cannot be noted fails, or is told', async () => {
    await backUp('000001');
    const path = join(folder.path, '000001.archive.gz');
    await mkdir(join(folder.path, '000001.verified.json'));
    await expect(verifyMarked(path, systemClock)).rejects.toThrow('is not a regular file');
    const told: unknown[] = [];
    await verifyMarked(path, systemClock, { onUnmarked: (error) => told.push(error) });
    expect(told).toHaveLength(1);
  });
});
