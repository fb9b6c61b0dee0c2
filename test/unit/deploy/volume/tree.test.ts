import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Helper, OWN_FOLDER } from '../../../../src/deploy/volume/helper.ts';
import { copyTrees, probeTrees, putTreesBack, removeTrees, treeDigest } from '../../../../src/deploy/volume/tree.ts';
import { DeployError } from '../../../../src/errors.ts';
import { lastLine, systemCommands } from '../../../../src/system/command.ts';

const OPERATION = '000007-beef';

let folder: string;
let data: readonly string[];
/** How many programs a helper has run. */
let ran = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaleem-volume-'));
  data = [join(folder, 'db'), join(folder, 'journal')];
  ran = 0;
  for (const path of data) {
    await mkdir(join(path, 'deep', 'er'), { recursive: true });
    await writeFile(join(path, 'collection-0.wt'), 'before');
    await writeFile(join(path, 'deep', 'er', 'index 1.wt'), 'x'.repeat(100_000), { mode: 0o600 });
    await writeFile(join(path, '-rf'), 'a name like an option');
    await writeFile(join(path, 'two\nlines'), '');
    await symlink('collection-0.wt', join(path, 'link'));
    await utimes(join(path, '-rf'), 1, 2.123456);
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The programs of a helper, run here: GNU's own, on real files. From the `dieAt`th on it is as if the tool had died. */
const helperHere = (dieAt = Number.POSITIVE_INFINITY): Helper => {
  const attempt: Helper['try'] = async (argv) => {
    ran += 1;
    if (ran >= dieAt) throw new Error('killed');
    return systemCommands.run(argv, { timeoutMs: 20_000 });
  };
  return {
    roots: data.map((path) => ({ path, own: join(path, OWN_FOLDER), snapshot: join(path, OWN_FOLDER, OPERATION) })),
    try: attempt,
    async must(what, argv) {
      const result = await attempt(argv);
      if (result.exitCode !== 0) throw new DeployError('docker-failed', `${what}: ${lastLine(result)}`);
      return result.stdout;
    },
    close: async () => {},
  };
};

const digests = (): Promise<readonly string[]> => Promise.all(data.map((path) => treeDigest(helperHere(), path)));
/** What a version does that fails. */
const spoil = async (): Promise<void> => {
  for (const path of data) {
    await writeFile(join(path, 'collection-0.wt'), 'spoilt');
    await writeFile(join(path, 'collection-9.wt'), 'new');
    await rm(join(path, 'deep'), { recursive: true });
  }
};
const failedOf = (path: string): string => join(path, OWN_FOLDER, OPERATION, 'failed');

const expectBack = async (before: readonly string[]): Promise<void> => {
  expect(await digests()).toEqual(before);
  for (const path of data) {
    expect(await readFile(join(path, 'collection-0.wt'), 'utf8')).toBe('before');
    expect(await readdir(join(path, OWN_FOLDER, OPERATION))).toEqual(['failed']);
    expect(await readFile(join(failedOf(path), 'collection-0.wt'), 'utf8')).toBe('spoilt');
    expect((await readdir(failedOf(path))).sort()).toEqual([
      '-rf',
      'collection-0.wt',
      'collection-9.wt',
      'link',
      'two\nlines',
    ]);
  }
};

describe('a snapshot of folders', () => {
  test('goes back to what was copied, and keeps what was there', async () => {
    const before = await digests();
    expect(await copyTrees(helperHere())).toEqual(before);
    expect(await digests()).toEqual(before);
    await spoil();
    expect(await digests()).not.toEqual(before);
    await putTreesBack(helperHere(), before);
    await expectBack(before);
    // Again, as a recovery may: nothing is left to do.
    await writeFile(join(data[0] ?? '', 'collection-0.wt'), 'written by the old version since');
    await putTreesBack(helperHere(), before);
    expect(await readFile(join(data[0] ?? '', 'collection-0.wt'), 'utf8')).toContain('since');
  });

  test('is gone on with from wherever a crash has left it', async () => {
    data = data.slice(0, 1);
    const before = await copyTrees(helperHere());
    await spoil();
    ran = 0;
    await putTreesBack(helperHere(), before);
    const programs = ran;
    expect(programs).toBeGreaterThan(10);
    for (let dieAt = 1; dieAt <= programs; dieAt += 1) {
      await removeTrees(helperHere());
      await copyTrees(helperHere());
      await spoil();
      ran = 0;
      await expect(putTreesBack(helperHere(dieAt), before)).rejects.toThrow('killed');
      ran = 0;
      await putTreesBack(helperHere(), before);
      await expectBack(before);
    }
  }, 60_000);

  test('of several folders is gone on with when one of them is done', async () => {
    const before = await copyTrees(helperHere());
    await spoil();
    const [, second = ''] = data;
    ran = 0;
    const half: Helper = helperHere();
    const dying: Helper = {
      ...half,
      must: (what, argv) =>
        argv.some((word) => word.startsWith(second)) ? Promise.reject(new Error('killed')) : half.must(what, argv),
    };
    await expect(putTreesBack(dying, before)).rejects.toThrow('killed');
    expect(await readFile(join(second, 'collection-0.wt'), 'utf8')).toBe('spoilt');
    await putTreesBack(helperHere(), before);
    await expectBack(before);
  });

  test('is never taken for whole before it is', async () => {
    await copyTrees(helperHere());
    const programs = ran;
    for (let dieAt = 1; dieAt <= programs; dieAt += 1) {
      for (const path of data) await rm(join(path, OWN_FOLDER), { recursive: true, force: true });
      ran = 0;
      const before = await digests();
      ran = 0;
      await expect(copyTrees(helperHere(dieAt))).rejects.toThrow('killed');
      for (const path of data) {
        const names = await readdir(join(path, OWN_FOLDER, OPERATION)).catch((): string[] => []);
        if (names.includes('copy')) {
          expect(await treeDigest(helperHere(), join(path, OWN_FOLDER, OPERATION, 'copy'))).toBe(
            before[data.indexOf(path)],
          );
        }
      }
      ran = 0;
      await removeTrees(helperHere());
      expect(await digests()).toEqual(before);
    }
  }, 60_000);

  test('gets a name, and goes on to the next step, only when what went before is on the disk', async () => {
    data = data.slice(0, 1);
    const told: string[] = [];
    const helper = helperHere();
    const listening: Helper = {
      ...helper,
      must(what, argv) {
        const file = (path = '') => path.split('/').at(-1) ?? '';
        if (argv[0] === 'sync') told.push(`sync ${argv.at(1) === '-f' ? 'all of ' : ''}${file(argv.at(-1))}`);
        if (argv[0] === 'mv') told.push(`name ${file(argv.at(-1))}`);
        if (argv.includes('cp')) told.push('copy');
        if (argv.includes('mv') && argv[0] !== 'mv') told.push('move');
        if (argv[0] === 'rmdir') told.push('end');
        return helper.must(what, argv);
      },
    };
    const digest = await copyTrees(listening);
    expect(told).toEqual(['copy', 'sync all of copying', 'name copy', `sync ${OPERATION}`]);
    told.length = 0;
    await spoil();
    await putTreesBack(listening, digest);
    expect(told).toEqual([
      ...['move', `sync all of ${OPERATION}`, 'name restoring', `sync ${OPERATION}`],
      ...['move', 'sync all of db', 'end', `sync ${OPERATION}`],
    ]);
  });

  test.each([
    ['a byte more', (copy: string) => writeFile(join(copy, 'collection-0.wt'), 'before!')],
    ['a file less', (copy: string) => rm(join(copy, 'link'))],
    ['a file more', (copy: string) => writeFile(join(copy, 'collection-1.wt'), '')],
    ['another time', (copy: string) => utimes(join(copy, '-rf'), 1, 3)],
  ])('that has changed since (%s) is not put back', async (_, change) => {
    const before = await copyTrees(helperHere());
    await spoil();
    const [path = ''] = data;
    await change(join(path, OWN_FOLDER, OPERATION, 'copy'));
    const error = await putTreesBack(helperHere(), before).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'restore-failed', message: expect.stringContaining('is not what was copied') });
    expect(await readFile(join(path, 'collection-0.wt'), 'utf8')).toBe('spoilt');
  });

  test('is missed when it is gone', async () => {
    const before = await copyTrees(helperHere());
    const [path = ''] = data;
    await rm(join(path, OWN_FOLDER, OPERATION, 'copy'), { recursive: true });
    await expect(putTreesBack(helperHere(), before)).rejects.toMatchObject({ code: 'restore-failed' });
  });

  test('is not called good when something started the database while files were put back', async () => {
    const before = await copyTrees(helperHere());
    await spoil();
    const [path = ''] = data;
    const snapshot = join(path, OWN_FOLDER, OPERATION);
    // As after a crash between the two halves.
    await mkdir(failedOf(path));
    for (const name of await readdir(path)) {
      if (name !== OWN_FOLDER)
        await systemCommands.run(['mv', '-t', failedOf(path), '--', join(path, name)], { timeoutMs: 5000 });
    }
    await systemCommands.run(['mv', '-T', join(snapshot, 'copy'), join(snapshot, 'restoring')], { timeoutMs: 5000 });
    await writeFile(join(path, 'collection-0.wt'), 'made by a server that found an empty folder');
    await expect(putTreesBack(helperHere(), before)).rejects.toMatchObject({ code: 'restore-failed' });
    expect(await readFile(join(snapshot, 'restoring', 'collection-0.wt'), 'utf8')).toBe('before');
    expect(await readFile(join(failedOf(path), 'collection-0.wt'), 'utf8')).toBe('spoilt');
  });

  test('of a database that is written to is refused', async () => {
    const helper = helperHere();
    let listed = 0;
    const racing: Helper = {
      ...helper,
      async must(what, argv) {
        const copies = argv.includes('cp');
        // Listed before it is written to, copied after.
        while (copies && listed < data.length) await setTimeout(5);
        if (copies) await writeFile(join(data[0] ?? '', 'collection-0.wt'), 'changed');
        const stdout = await helper.must(what, argv);
        if (argv.includes('-printf')) listed += 1;
        return stdout;
      },
    };
    await expect(copyTrees(racing)).rejects.toThrow('is not what it was made of');
  });

  test('leaves nothing when it is removed', async () => {
    const names = await readdir(data[0] ?? '');
    await copyTrees(helperHere());
    await removeTrees(helperHere());
    expect(await readdir(data[0] ?? '')).toEqual(names);
  });

  test('says what the folders hold, and what their disk can do', async () => {
    const probe = await probeTrees(helperHere());
    expect(probe.bytes).toBeGreaterThan(200_000);
    expect(probe.freeBytes).toBeGreaterThan(1_000_000);
    expect(typeof probe.reflink).toBe('boolean');
    expect(await readdir(join(data[0] ?? '', OWN_FOLDER, OPERATION))).toEqual([]);
  });

  test.each(['find', 'cp', 'mv', 'sync'])('without a GNU %s there is none', async (program) => {
    const helper = helperHere();
    const poor: Helper = {
      ...helper,
      try: (argv) =>
        argv[0] === program && argv.some((word) => word.startsWith('-') && word.length > 1)
          ? Promise.resolve({ exitCode: 1, stdout: '', stderr: `${program}: unrecognized option`, timedOut: false })
          : helper.try(argv),
    };
    await expect(probeTrees(poor)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(program),
    });
  });
});
