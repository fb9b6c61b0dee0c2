import { chown, link, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { giveToOwner } from '../../../src/system/ownership.ts';

const USER = 4321;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaleem-owner-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const owner = async (name: string): Promise<number> => (await lstat(join(folder, name))).uid;

// Only root can make files that are another user's.
describe.runIf(process.getuid?.() === 0)('what root makes in a folder of another user', () => {
  test('is given to that user, however deep it lies', async () => {
    await mkdir(join(folder, 'state/operations/1'), { recursive: true });
    await writeFile(join(folder, 'state/operations/1/journal'), '');
    await chown(join(folder, 'state'), USER, USER);
    await giveToOwner(join(folder, 'state'));
    for (const name of ['state/operations', 'state/operations/1', 'state/operations/1/journal']) {
      expect(await owner(name), name).toBe(USER);
    }
  });
  test('so is the folder itself, when the one around it is the user’s', async () => {
    await chown(folder, USER, USER);
    await mkdir(join(folder, 'state'));
    await giveToOwner(join(folder, 'state'));
    expect(await owner('state')).toBe(USER);
  });
  test('but neither links, nor files that have another name elsewhere, nor what is a third one’s', async () => {
    await mkdir(join(folder, 'state'));
    await writeFile(join(folder, 'roots'), '');
    await link(join(folder, 'roots'), join(folder, 'state/hard'));
    await symlink(join(folder, 'roots'), join(folder, 'state/soft'));
    await writeFile(join(folder, 'state/third'), '');
    await chown(join(folder, 'state/third'), USER + 1, USER + 1);
    await chown(join(folder, 'state'), USER, USER);
    await giveToOwner(join(folder, 'state'));
    expect([await owner('roots'), await owner('state/hard'), await owner('state/soft')]).toEqual([0, 0, 0]);
    expect(await owner('state/third')).toBe(USER + 1);
  });
  test('stays root’s in a folder of root’s, and a folder that is not there is no error', async () => {
    await mkdir(join(folder, 'state/deep'), { recursive: true });
    await giveToOwner(join(folder, 'state'));
    expect(await owner('state/deep')).toBe(0);
    await giveToOwner(join(folder, 'none'));
  });
});
