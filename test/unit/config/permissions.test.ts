import { chmod, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isPrivateGroup } from '../../../src/system/permissions.ts';
import { ENV, failure, load, project } from './project.ts';

const PASSWD =
  'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1002::/:/bin/sh\neve:x:1005:1000::/:/bin/sh\n';
const GROUP = 'root:x:0:\nann:x:1000:\nbob:x:1002:bob\ndocker:x:999:ann,bob\nstaff:x:50:\n';
const withoutEve = PASSWD.replace(/eve.*\n/, '');

describe('isPrivateGroup', () => {
  it.each([
    ["a user's own group", { uid: 1000, gid: 1000 }, withoutEve, GROUP, true],
    [
      'a group of the same name with another number, that lists its user',
      { uid: 1001, gid: 1002 },
      PASSWD,
      GROUP,
      true,
    ],
    ["root's group", { uid: 0, gid: 0 }, PASSWD, GROUP, true],
    ["a user's own group that is another's first group", { uid: 1000, gid: 1000 }, PASSWD, GROUP, false],
    ["a user's own group with a second member", { uid: 1000, gid: 1000 }, withoutEve, 'ann:x:1000:bob\n', false],
    ['a group of many', { uid: 1000, gid: 999 }, PASSWD, GROUP, false],
    ['an empty group of another name', { uid: 1000, gid: 50 }, PASSWD, GROUP, false],
    ['equal numbers that no database knows', { uid: 4321, gid: 4321 }, PASSWD, GROUP, true],
    ['different numbers that no database knows', { uid: 4321, gid: 4322 }, PASSWD, GROUP, false],
  ])('knows %s', (_, owner, passwd, group, expected) => {
    expect(isPrivateGroup(owner, passwd, group)).toBe(expected);
  });
});

describe('files that a group can change', () => {
  const isRoot = process.getuid?.() === 0;

  it("are fine where the group is the owner's alone", async () => {
    const directory = await project({ 'kaleem-deploy.yml': { text: 'app: kaleem\n', mode: 0o664 } });
    if (isRoot) await chown(join(directory, 'kaleem-deploy.yml'), 54_321, 54_321);
    await expect(load(directory)).resolves.toMatchObject({ app: 'kaleem' });
  });

  it.runIf(isRoot)('are refused where others are in it', async () => {
    const directory = await project({ 'kaleem-deploy.yml': 'app: kaleem\n' });
    const path = join(directory, 'kaleem-deploy.yml');
    await chown(path, 54_321, 54_322);
    await chmod(path, 0o664);
    const error = await failure(load(directory));
    expect(error).toMatchObject({ code: 'config-unsafe', hint: `chmod go-w ${path}` });
    expect(error.message).toBe('kaleem-deploy.yml can be changed by everyone in group 54322');
  });

  it('are fine while the group can only read them', async () => {
    const directory = await project({ '.env': { text: ENV, mode: 0o644 } });
    await expect(load(directory)).resolves.toMatchObject({ app: null });
  });
});
