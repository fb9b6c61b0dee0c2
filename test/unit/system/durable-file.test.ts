import { execFile } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createFile,
  makeDirectory,
  makePrivate,
  removeDurably,
  replaceFile,
  syncDirectory,
} from '../../../src/system/durable-file.ts';

const run = promisify(execFile);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-durable-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

/** Runs code that may use src/system/durable-file.ts as `files`, in a process whose files may not grow beyond 4 KiB. */
const withFullDisk = async (code: string): Promise<string> => {
  const script = join(directory, 'script.mts');
  const source = new URL('../../../src/system/durable-file.ts', import.meta.url).href;
  const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
  await writeFile(script, `import * as files from ${JSON.stringify(source)};\n${code}`);
  const { stdout } = await run('prlimit', ['--fsize=4096', process.execPath, '--import', tsx, script], {
    // tsx keeps a cache of its own, which the limit would truncate.
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  });
  await rm(script);
  return stdout;
};

describe('replaceFile', () => {
  it('creates a file that its owner alone may read, whatever the umask', async () => {
    const path = join(directory, 'new');
    const before = process.umask(0);
    try {
      await replaceFile(path, 'text');
    } finally {
      process.umask(before);
    }
    expect(await readFile(path, 'utf8')).toBe('text');
    expect(await modeOf(path)).toBe(0o600);
  });

  it('keeps the permissions of the file it replaces, and leaves nothing else behind', async () => {
    const path = join(directory, '.env');
    await writeFile(path, 'old');
    await chmod(path, 0o640);
    await replaceFile(path, Buffer.from([0, 255, 10]));
    expect(await readFile(path)).toEqual(Buffer.from([0, 255, 10]));
    expect(await modeOf(path)).toBe(0o640);
    expect(await readdir(directory)).toEqual(['.env']);
  });

  it('sets the permissions it is told, over a strict umask too', async () => {
    const path = join(directory, 'file');
    const before = process.umask(0o077);
    try {
      await replaceFile(path, '', { mode: 0o644 });
    } finally {
      process.umask(before);
    }
    expect(await modeOf(path)).toBe(0o644);
  });

  it.runIf(process.getuid?.() === 0)('keeps the owner when root replaces somebody else’s file', async () => {
    const path = join(directory, 'theirs');
    await writeFile(path, 'old');
    const { chown } = await import('node:fs/promises');
    await chown(path, 1234, 2345);
    await replaceFile(path, 'new');
    expect(await stat(path)).toMatchObject({ uid: 1234, gid: 2345 });
  });

  it('replaces the file that a chain of links leads to, and the links stay links', async () => {
    await mkdir(join(directory, 'shared'));
    await writeFile(join(directory, 'shared', 'real.env'), 'old', { mode: 0o600 });
    await symlink('shared/real.env', join(directory, 'middle'));
    await symlink(join(directory, 'middle'), join(directory, '.env'));
    await replaceFile(join(directory, '.env'), 'new');
    expect(await readlink(join(directory, '.env'))).toBe(join(directory, 'middle'));
    expect(await readlink(join(directory, 'middle'))).toBe('shared/real.env');
    expect(await readFile(join(directory, 'shared', 'real.env'), 'utf8')).toBe('new');
    expect((await lstat(join(directory, 'shared', 'real.env'))).isFile()).toBe(true);
  });

  it('follows a relative link from where its folder really is', async () => {
    await mkdir(join(directory, 'a', 'b'), { recursive: true });
    await writeFile(join(directory, 'a', 'target'), 'old');
    await symlink('../target', join(directory, 'a', 'b', 'link'));
    await symlink('a/b', join(directory, 'short'));
    await replaceFile(join(directory, 'short', 'link'), 'new');
    expect(await readFile(join(directory, 'a', 'target'), 'utf8')).toBe('new');
  });

  it('creates the file that a dangling link names', async () => {
    await symlink('later', join(directory, 'link'));
    await replaceFile(join(directory, 'link'), 'new');
    expect(await readFile(join(directory, 'later'), 'utf8')).toBe('new');
    expect(await readlink(join(directory, 'link'))).toBe('later');
  });

  it('gives up on links that go in a circle', async () => {
    await symlink('two', join(directory, 'one'));
    await symlink('one', join(directory, 'two'));
    await expect(replaceFile(join(directory, 'one'), 'x')).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('refuses what is not a regular file', async () => {
    // A device of our own kind: a test that fails must not take the machine's away.
    const fifo = join(directory, 'fifo');
    await promisify(execFile)('mkfifo', [fifo]);
    await symlink('fifo', join(directory, 'link'));
    await expect(replaceFile(join(directory, 'link'), 'x')).rejects.toThrow('fifo is not a regular file');
    await expect(replaceFile(directory, 'x')).rejects.toThrow('not a regular file');
    expect((await stat(fifo)).isFIFO()).toBe(true);
  });

  it('leaves one whole content when several replace the same file at once', async () => {
    const path = join(directory, 'contended');
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000 + i));
    await Promise.all(contents.map((content) => replaceFile(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(directory)).toEqual(['contended']);
  });

  it('replaces a file with the longest name there can be', async () => {
    const path = join(directory, 'n'.repeat(255));
    await replaceFile(path, 'x');
    expect(await readFile(path, 'utf8')).toBe('x');
  });

  it('leaves the old file, and nothing beside it, when the disk fills up in the middle', async () => {
    const path = join(directory, 'precious');
    await writeFile(path, 'old', { mode: 0o600 });
    const said = await withFullDisk(
      `await files.replaceFile(${JSON.stringify(path)}, 'x'.repeat(10_000)).then(() => console.log('replaced'), (e) => console.log(e.code));`,
    );
    expect(said.trim()).toBe('EFBIG');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['precious']);
  });

  it('says so when the folder is not there', async () => {
    await expect(replaceFile(join(directory, 'no', 'file'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('createFile', () => {
  it('refuses a file, or a dangling link, that is there already', async () => {
    await writeFile(join(directory, 'there'), 'old');
    await symlink('elsewhere', join(directory, 'link'));
    await expect(createFile(join(directory, 'there'), 'new')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(createFile(join(directory, 'link'), 'new')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(join(directory, 'there'), 'utf8')).toBe('old');
    expect((await readdir(directory)).sort()).toEqual(['link', 'there']);
  });

  it('leaves no half file when the disk is full', async () => {
    const path = join(directory, 'half');
    await withFullDisk(`await files.createFile(${JSON.stringify(path)}, 'x'.repeat(10_000)).catch(() => {});`);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('makeDirectory', () => {
  it('creates the folder and its parents for the owner alone', async () => {
    await makeDirectory(join(directory, 'a', 'b', 'c'));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(await modeOf(join(directory, path))).toBe(0o700);
  });

  it('leaves a folder as it is when it exists', async () => {
    await mkdir(join(directory, 'open'));
    await chmod(join(directory, 'open'), 0o755);
    await makeDirectory(join(directory, 'open'));
    expect(await modeOf(join(directory, 'open'))).toBe(0o755);
  });

  it('takes relative paths and trailing slashes', async () => {
    const { relative } = await import('node:path');
    await makeDirectory(`${relative(process.cwd(), directory)}/x/y/`);
    expect((await stat(join(directory, 'x', 'y'))).isDirectory()).toBe(true);
  });

  it('says so when a file is in the way', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(makeDirectory(join(directory, 'file', 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('removeDurably', () => {
  it('removes files and trees', async () => {
    await makeDirectory(join(directory, 'tree', 'x'));
    await writeFile(join(directory, 'tree', 'x', 'file'), '');
    await removeDurably(join(directory, 'tree'));
    expect(await readdir(directory)).toEqual([]);
  });

  it('does not mind what is not there, nor that its folder is not', async () => {
    await expect(removeDurably(join(directory, 'gone'))).resolves.toBeUndefined();
    await expect(removeDurably(join(directory, 'no', 'folder'))).resolves.toBeUndefined();
  });

  it('removes a link, not what it leads to', async () => {
    await mkdir(join(directory, 'kept'));
    await writeFile(join(directory, 'kept', 'file'), '');
    await symlink('kept', join(directory, 'link'));
    await removeDurably(join(directory, 'link'));
    expect(await readdir(join(directory, 'kept'))).toEqual(['file']);
  });
});

it('makes a file private', async () => {
  await writeFile(join(directory, 'f'), '', { mode: 0o644 });
  await makePrivate(join(directory, 'f'));
  expect(await modeOf(join(directory, 'f'))).toBe(0o600);
});

it('syncs a folder, and says so when there is none', async () => {
  await expect(syncDirectory(directory)).resolves.toBeUndefined();
  await expect(syncDirectory(join(directory, 'no'))).rejects.toMatchObject({ code: 'ENOENT' });
});
