import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findState, openState } from '../../../src/operation/state.ts';
import { failureOf, removeDirectory, temporaryDirectory } from './fixtures.ts';

const isRoot = process.getuid?.() === 0;

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'app', '.kaleem');
});

afterEach(() => removeDirectory(directory));

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

describe('opening the state directory', () => {
  it('creates it for its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await openState(path);
    } finally {
      process.umask(before);
    }
    for (const each of ['', 'operations', 'releases']) expect(await modeOf(join(path, each))).toBe(0o700);
    expect(await modeOf(join(path, 'version'))).toBe(0o600);
    expect(await readFile(join(path, 'version'), 'utf8')).toBe('1\n');
  });

  it('finds what it created, and changes nothing the second time', async () => {
    const state = await openState(path);
    await writeFile(state.file('project.json'), '{}');
    const again = await openState(path);
    expect(again.path).toBe(path);
    expect([again.operations, again.releases]).toEqual([join(path, 'operations'), join(path, 'releases')]);
    expect((await readdir(path)).sort()).toEqual(['operations', 'project.json', 'releases', 'version']);
  });

  it('completes one whose creator died in between', async () => {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await openState(path);
    expect((await readdir(path)).sort()).toEqual(['operations', 'releases', 'version']);
  });

  it.each(['../x', 'a/b', '', '.hidden'])('has no file called %j', async (name) => {
    const state = await openState(path);
    expect(() => state.file(name)).toThrow('no file of the state');
  });

  it('says which directory it can’t create', async () => {
    await writeFile(join(directory, 'app'), '');
    const error = await failureOf(openState(path));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain(path);
  });
});

describe('looking at the state directory', () => {
  it('creates nothing', async () => {
    expect(await findState(path)).toBeNull();
    expect(await readdir(directory)).toEqual([]);
    await mkdir(path, { recursive: true, mode: 0o700 });
    expect(await findState(path)).toMatchObject({ path });
    expect(await readdir(path)).toEqual([]);
  });

  it('finds what is there', async () => {
    const opened = await openState(path);
    expect(await findState(path)).toMatchObject({ path: opened.path, operations: opened.operations });
  });
});

describe.each([
  ['opening', openState],
  ['looking at', findState],
] as const)('%s a state directory', (_, find) => {
  beforeEach(() => openState(path));

  it('refuses one that every user can write', async () => {
    await chmod(path, 0o707);
    const error = await failureOf(find(path));
    expect(error).toMatchObject({ code: 'config-unsafe', hint: `chmod go-w ${path}` });
    expect(error.message).toContain(path);
  });

  it.runIf(isRoot)('refuses one that a group of several can write, and takes a private group’s', async () => {
    await chmod(path, 0o770);
    // No such user or group: numbers decide.
    await chown(join(directory, 'app'), 54321, 54321);
    await chown(path, 54321, 54322);
    await expect(find(path)).rejects.toMatchObject({ code: 'config-unsafe' });
    await chown(path, 54321, 54321);
    await expect(find(path)).resolves.not.toBeNull();
  });

  it.runIf(isRoot)('refuses one that belongs to somebody who does not own the folder either', async () => {
    await chown(path, 54321, 54321);
    const error = await failureOf(find(path));
    expect(error.code).toBe('config-unsafe');
    expect(error.message).toContain('belongs to user 54321');
    await chown(join(directory, 'app'), 54321, 54321);
    await expect(find(path)).resolves.not.toBeNull();
  });

  it('follows our own link', async () => {
    const link = join(directory, 'link');
    await symlink(path, link);
    expect(await find(link)).not.toBeNull();
  });

  it.runIf(isRoot)('refuses somebody else’s link', async () => {
    const { lchown } = await import('node:fs/promises');
    const link = join(directory, 'link');
    await symlink(path, link);
    await lchown(link, 54321, 54321);
    const error = await failureOf(find(link));
    expect(error.code).toBe('config-unsafe');
    expect(error.message).toContain('state link');
  });

  it('refuses the state of a later version, naming it', async () => {
    await writeFile(join(path, 'version'), '2\n');
    const error = await failureOf(find(path));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain(`${join(path, 'version')} has format 2`);
  });

  it.each(['', 'one', '1\n2\n', '-1', '1e3'])('refuses a version file with %j in it', async (text) => {
    await writeFile(join(path, 'version'), text);
    const error = await failureOf(find(path));
    expect(error.code).toBe('halted-earlier');
    expect(error.message).toContain(join(path, 'version'));
  });

  it('refuses a file in its place', async () => {
    await rm(path, { recursive: true });
    await writeFile(path, '');
    await expect(find(path)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
