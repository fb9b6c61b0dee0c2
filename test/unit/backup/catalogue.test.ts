import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBackup, listBackups, nextBackupId, removeBackup } from '../../../src/backup/catalogue.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { manifestPath } from '../../../src/backup/manifest.ts';
import { chooseForPrune } from '../../../src/backup/retention.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { handleFailpoints } from '../../../src/system/failpoints/armed.ts';
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
    handleFailpoints(async (each, count) => {
      if (each === name && count === hit) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    });
    try {
      await expect(removeBackup(entry as NonNullable<typeof entry>)).rejects.toMatchObject({ code: 'EIO' });
    } finally {
      handleFailpoints(null);
    }
    return (await readdir(folder.path)).sort();
  };
  const whole = ['000001.archive.gz', '000001.manifest.json'];
  test.each([
    ['the manifest cannot be removed', 'file.remove.before', 1, whole],
    ['its removal is not durable', 'file.sync-directory.before', 1, []],
    ['the archive cannot be removed', 'file.remove.before', 2, whole],
    ['the removal of the archive is not durable', 'file.sync-directory.before', 2, []],
  ])('leaves no half of a backup: %s', async (_, name, hit, left) => {
    await backUp('000001');
    expect(await failing(name, hit)).toEqual(left);
    if (left.length > 0) expect((await listBackups(folder.path))[0]?.problem).toBeNull();
  });
});

describe('what prune removes', () => {
  const entries = (...given: (string | [string, string])[]) =>
    given.map((each) => (typeof each === 'string' ? { id: each, problem: null } : { id: each[0], problem: each[1] }));
  const choose = (given: ReturnType<typeof entries>, keepLast: number, ...needed: string[]) => {
    const { keep, remove } = chooseForPrune(given, { keepLast, needed: new Set(needed) });
    return { keep: keep.map(({ id }) => id), remove: remove.map(({ id }) => id) };
  };
  test('what is older than the last N', () => {
    expect(choose(entries('5', '4', '3', '2', '1'), 2)).toEqual({ keep: ['5', '4'], remove: ['3', '2', '1'] });
  });
  test('never what is needed, which does not use up a place', () => {
    expect(choose(entries('5', '4', '3', '2'), 2, '3')).toEqual({ keep: ['5', '4', '3'], remove: ['2'] });
  });
  test('never the newest good one', () => {
    expect(choose(entries('5', '4'), 0)).toEqual({ keep: ['5'], remove: ['4'] });
  });
  test('never one with a problem, which does not count as good', () => {
    expect(choose(entries(['5', 'damaged'], '4', '3'), 1)).toEqual({ keep: ['5', '4'], remove: ['3'] });
  });
  test('nothing of nothing', () => {
    expect(choose([], 3)).toEqual({ keep: [], remove: [] });
  });
  test('with a reason for each', () => {
    const { keep, remove } = chooseForPrune(entries('4', '3', '2', ['1', 'no manifest']), {
      keepLast: 2,
      needed: new Set(),
    });
    expect([...keep, ...remove].map(({ reason }) => reason)).toEqual([
      'the newest',
      'among the last 2',
      'left for you to decide: no manifest',
      'older than the last 2, and nothing needs it',
    ]);
  });
});
