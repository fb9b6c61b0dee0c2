import { DeployError } from '../../errors.ts';
import { sha256Of } from '../../system/sha256.ts';
import { sideBySide } from '../../system/side-by-side.ts';
import { type Helper, OWN_FOLDER, type Root } from './helper.ts';

// What is done to the files of a database that does not run. All of a snapshot lies in the same folder as the files, hence on the
// same file system: to put it back is to rename. How far that came is told by what is there, so that it can be gone on with:
//
//   copying    a copy that is not whole
//   copy       a whole copy
//   failed     beside copy: some of what the failed version left was moved here, some was not yet
//   restoring  all of it was; this is what is left of the copy to be moved to where it belongs
//   failed     alone: the copy is back in its place

const each = (roots: readonly Root[], name: string): readonly string[] =>
  roots.map((root) => `${root.snapshot}/${name}`);

/** The folder's entries, ours left out, given to a program as its last arguments. */
const withEntries = ({ path }: Pick<Root, 'path'>, argv: readonly string[]): readonly string[] => [
  ...['find', path, '-mindepth', '1', '-maxdepth', '1', '!', '-name', OWN_FOLDER],
  ...['-exec', ...argv, '{}', '+'],
];

/** What every file below a folder is, but for its bytes: kind, size, mode, owner, time of its last change, target of a link. */
export const treeDigest = async (helper: Helper, folder: string): Promise<string> => {
  const listed = await helper.must(`list the files in ${folder}`, [
    ...['find', folder, '-mindepth', '1', '-path', `${folder}/${OWN_FOLDER}`, '-prune', '-o'],
    // A folder's size and time depend on what was in it once.
    ...['-type', 'd', '-printf', String.raw`%P\td %m %U %G\0`, '-o'],
    ...['-printf', String.raw`%P\t%y %m %U %G %s %T@ %l\0`],
  ]);
  return sha256Of(listed.split('\0').sort().join('\0'));
};

export interface Probe {
  /** Copies share what does not change: they take an instant and no room. */
  readonly reflink: boolean;
  /** Of all folders. */
  readonly bytes: number;
  /** The least of any file system that holds one. */
  readonly freeBytes: number;
}

/** Whether the image has what it takes, and the disk; while the database runs. Makes the snapshots' folders. */
export const probeTrees = async (helper: Helper): Promise<Probe> => {
  const { roots } = helper;
  const tool = async (what: string, argv: readonly string[]): Promise<string> => {
    const result = await helper.try(argv);
    if (result.exitCode === 0) return result.stdout;
    throw new DeployError('unsupported', `${what}: ${result.stderr.trim() || `exit code ${result.exitCode}`}`);
  };
  const [first] = roots as [Root];
  const kinds = await tool('its image has no GNU find', [
    'find',
    ...roots.map(({ path }) => path),
    ...['-maxdepth', '0', '-printf', '%y'],
  ]);
  if (kinds !== 'd'.repeat(roots.length)) {
    throw new DeployError('unsupported', `what is mounted is not a folder (${kinds})`);
  }
  await tool('its folder cannot be written', ['mkdir', '-p', '--', ...each(roots, 'probe')]);
  const file = `${first.snapshot}/probe/file`;
  await tool('its image has no cp', ['cp', '--', '/etc/hosts', file]);
  await tool('its image has no GNU cp', [
    'cp',
    '-a',
    '--reflink=auto',
    '-t',
    `${first.snapshot}/probe`,
    '--',
    '/etc/hosts',
  ]);
  await tool('its image has no GNU mv', [
    'mv',
    '--backup=numbered',
    '-T',
    '--',
    `${first.snapshot}/probe/hosts`,
    `${file}2`,
  ]);
  await tool('its image has no GNU sync', ['sync', '-f', '--', file]);
  const shared = await Promise.all(
    roots.map(async ({ snapshot }) => {
      await tool('its image has no cp', ['cp', '--', '/etc/hosts', `${snapshot}/probe/from`]);
      const argv = ['cp', '--reflink=always', '--', `${snapshot}/probe/from`, `${snapshot}/probe/to`];
      return (await helper.try(argv)).exitCode === 0;
    }),
  );
  await tool('its image has no rm', ['rm', '-r', '--', ...each(roots, 'probe')]);
  // Files come and go while it runs: du then says so, and counts the others.
  const used = await helper.try([
    'du',
    '-s',
    `--exclude=${OWN_FOLDER}`,
    '--block-size=1',
    '--',
    ...roots.map(({ path }) => path),
  ]);
  const bytes = used.stdout.split('\n').reduce((sum, line) => sum + (Number.parseInt(line, 10) || 0), 0);
  const free = await tool('its image has no stat', [
    'stat',
    '-f',
    '-c',
    '%a %S',
    '--',
    ...roots.map(({ path }) => path),
  ]);
  const spaces = free
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number) as [number, number]);
  return {
    reflink: shared.every(Boolean),
    bytes,
    freeBytes: Math.min(...spaces.map(([blocks, size]) => blocks * size)),
  };
};

const copyEntries = async (helper: Helper): Promise<readonly string[]> => {
  const { roots } = helper;
  await helper.must('make the folder of the copy', ['mkdir', '-p', '--', ...each(roots, 'copying')]);
  const listed = Promise.all(roots.map(({ path }) => treeDigest(helper, path)));
  // All of them are over before the first failure is told.
  await sideBySide([
    listed,
    ...roots.map((root) =>
      helper.must(
        'copy the files of the database',
        withEntries(root, ['cp', '-a', '--reflink=auto', '-t', `${root.snapshot}/copying`, '--']),
      ),
    ),
  ]);
  const sources = await listed;
  const copies = await Promise.all(each(roots, 'copying').map((folder) => treeDigest(helper, folder)));
  const wrong = roots.find((_, index) => sources[index] !== copies[index]);
  if (wrong !== undefined) {
    throw new DeployError('docker-failed', `the copy of ${wrong.path} is not what it was made of`, {
      hint: 'something else writes to the files of the database: docker ps --filter volume=...',
    });
  }
  await helper.must('write the copy to disk', ['sync', '-f', '--', ...each(roots, 'copying')]);
  return sources;
};

/** Copies the files of a database that does not run, durably, and resolves to what they are, folder by folder. */
export const copyTrees = async (helper: Helper): Promise<readonly string[]> => {
  const { roots } = helper;
  const sources = await copyEntries(helper).catch(async (error: unknown) => {
    // What filled the disk would leave no room for the way back.
    await helper.try(['rm', '-rf', '--', ...each(roots, 'copying')]).catch(() => {});
    throw error;
  });
  for (const root of roots) {
    await helper.must('name the copy', ['mv', '-T', '--', `${root.snapshot}/copying`, `${root.snapshot}/copy`]);
  }
  await helper.must('write the copy to disk', ['sync', '--', ...roots.map(({ snapshot }) => snapshot)]);
  return sources;
};

const mustBe = async (helper: Helper, folder: string, digest: string, what: string): Promise<void> => {
  if ((await treeDigest(helper, folder)) === digest) return;
  throw new DeployError('restore-failed', `${what}: ${folder} is not what was copied`, {
    hint: 'both states are kept in the volume; has something started the database meanwhile?',
  });
};

const putOneBack = async (helper: Helper, root: Root, digest: string): Promise<void> => {
  const { path, snapshot } = root;
  const found = await helper.must('look at the snapshot', [
    'find',
    snapshot,
    '-mindepth',
    '1',
    '-maxdepth',
    '1',
    '-printf',
    '%f\\n',
  ]);
  const names = found.split('\n');
  if (names.includes('copy')) {
    await mustBe(helper, `${snapshot}/copy`, digest, 'the snapshot has changed');
    await helper.must('make room', ['mkdir', '-p', '--', `${snapshot}/failed`]);
    const away = withEntries(root, ['mv', '--backup=numbered', '-t', `${snapshot}/failed`, '--']);
    await helper.must('move aside what the failed version left', away);
    const left = await helper.must('look at what is left', withEntries(root, ['printf', '%s\\n']));
    if (left.trim() !== '')
      throw new DeployError('restore-failed', `${left.trim().split('\n')[0]} could not be moved aside`);
    await helper.must('write that to disk', ['sync', '-f', '--', snapshot]);
    await helper.must('take the copy', ['mv', '-T', '--', `${snapshot}/copy`, `${snapshot}/restoring`]);
    await helper.must('write that to disk', ['sync', '--', snapshot]);
  } else if (!names.includes('restoring')) {
    if (names.includes('failed')) return;
    throw new DeployError('restore-failed', `the snapshot is not in ${snapshot} any more`);
  }
  const back = ['mv', '-n', '-t', path, '--'];
  await helper.must('move the copy to its place', withEntries({ path: `${snapshot}/restoring` }, back));
  await mustBe(helper, path, digest, 'the files were changed while they were put back');
  await helper.must('write that to disk', ['sync', '-f', '--', path]);
  await helper.must('end the copy', ['rmdir', '--', `${snapshot}/restoring`]);
  await helper.must('write that to disk', ['sync', '--', snapshot]);
};

/**
 * Brings the files back to what the copy has, and keeps those that are there now in `failed`. Can be done again, or gone on with
 * from wherever it was left. The database must not run.
 *
 * @throws DeployError 'restore-failed' when what is there is not what was copied
 */
export const putTreesBack = async (helper: Helper, digests: readonly string[]): Promise<void> => {
  for (const [index, root] of helper.roots.entries()) await putOneBack(helper, root, digests[index] ?? '');
};

/** Removes all of the snapshot; the database may run. */
export const removeTrees = async (helper: Helper): Promise<void> => {
  const { roots } = helper;
  await helper.must('remove the snapshot', ['rm', '-rf', '--', ...roots.map(({ snapshot }) => snapshot)]);
  await helper.try(['rmdir', '--', ...roots.map(({ own }) => own)]);
};
