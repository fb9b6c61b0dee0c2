import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  isPrivate,
  openRuntimeFolder,
  runtimeFolders,
  socketIn,
} from '../../../src/operation/runner/runtime-folder.ts';
import { connectToRunner, listenForFollowers, sweepSockets } from '../../../src/operation/runner/socket.ts';
import { scopeArguments } from '../../../src/operation/runner/start.ts';

const MARKER = '0123456789abcdef';
const uid = process.getuid?.() ?? 0;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'kaleem-runtime-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const folder = async (mode: number): Promise<string> => {
  const path = join(base, 'own');
  await mkdir(path);
  await chmod(path, mode);
  return path;
};

describe('folders for sockets', () => {
  it.each([
    [
      'root',
      { uid: 0, environment: { XDG_RUNTIME_DIR: '/run/user/0' }, lingers: false },
      ['/run/kaleem-deploy', '/tmp/kaleem-deploy-0'],
    ],
    [
      'a user who lingers',
      { uid: 7, environment: { XDG_RUNTIME_DIR: '/xdg' }, lingers: true },
      ['/xdg/kaleem-deploy', '/run/user/7/kaleem-deploy', '/tmp/kaleem-deploy-7'],
    ],
    [
      'a user whose runtime folder goes away at the logout',
      { uid: 7, environment: { XDG_RUNTIME_DIR: '/run/user/7' }, lingers: false },
      ['/tmp/kaleem-deploy-7', '/run/user/7/kaleem-deploy'],
    ],
    ['cron', { uid: 7, environment: {}, lingers: false }, ['/tmp/kaleem-deploy-7', '/run/user/7/kaleem-deploy']],
    [
      'a relative one',
      { uid: 7, environment: { XDG_RUNTIME_DIR: 'x' }, lingers: true },
      ['/run/user/7/kaleem-deploy', '/tmp/kaleem-deploy-7'],
    ],
  ])('of %s', (_, user, folders) => {
    expect(runtimeFolders(user)).toEqual(folders);
  });

  it('are made for their owner alone', async () => {
    const path = join(base, 'new');
    expect(await openRuntimeFolder([path], uid)).toBe(path);
    expect((await stat(path)).mode & 0o7777).toBe(0o700);
    expect(await openRuntimeFolder([path], uid)).toBe(path);
  });

  it.each([0o755, 0o770, 0o1777, 0o500])('with mode %o are not used', async (mode) => {
    const path = await folder(mode);
    expect(await isPrivate(path, uid)).toBe(false);
    expect(await openRuntimeFolder([path], uid)).toBeNull();
    expect(await openRuntimeFolder([path, join(base, 'second')], uid)).toBe(join(base, 'second'));
    expect(await connectToRunner([path], uid, MARKER)).toBeNull();
  });

  it.runIf(uid === 0)('of somebody else are not used', async () => {
    const path = await folder(0o700);
    await chown(path, 12345, 12345);
    expect(await openRuntimeFolder([path], uid)).toBeNull();
    expect(await connectToRunner([path], uid, MARKER)).toBeNull();
  });

  it('that are links or files are not used', async () => {
    const path = await folder(0o700);
    await symlink(path, join(base, 'link'));
    await writeFile(join(base, 'file'), '', { mode: 0o700 });
    expect(await openRuntimeFolder([join(base, 'link'), join(base, 'file')], uid)).toBeNull();
  });

  it('whose names are too long for a socket are not used', async () => {
    expect(await openRuntimeFolder([join(base, 'x'.repeat(100))], uid)).toBeNull();
    expect(await readdir(base)).toEqual([]);
  });
});

describe('a socket', () => {
  it('is found by its marker, in whichever folder, and gone after the close', async () => {
    const path = await folder(0o700);
    let served = 0;
    const listening = await listenForFollowers(path, MARKER, (socket) => {
      served += 1;
      socket.destroy();
    });
    const socket = await connectToRunner([join(base, 'missing'), path], uid, MARKER);
    expect(socket).not.toBeNull();
    await expect.poll(() => served).toBe(1);
    socket?.destroy();
    expect(await connectToRunner([path], uid, 'fedcba9876543210')).toBeNull();
    listening.close();
    expect(await readdir(path)).toEqual([]);
    expect(await connectToRunner([path], uid, MARKER)).toBeNull();
  });

  it('of a runner that was killed is removed by the next; one that listens is not, nor what is no socket of ours', async () => {
    const path = await folder(0o700);
    const stale = socketIn(path, 'aaaaaaaaaaaaaaaa');
    const program = `require('node:net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', program]);
    const young = socketIn(path, 'bbbbbbbbbbbbbbbb');
    spawnSync(process.execPath, ['-e', program.replace(stale, young)]);
    await writeFile(join(path, 'notes.txt'), '');
    const other = createServer(() => {}).listen(socketIn(path, MARKER));
    await expect.poll(() => other.listening).toBe(true);
    const old = new Date(Date.now() - 60_000);
    for (const each of [stale, socketIn(path, MARKER), join(path, 'notes.txt')]) await utimes(each, old, old);
    await sweepSockets(path);
    expect((await readdir(path)).sort()).toEqual([`${MARKER}.sock`, 'bbbbbbbbbbbbbbbb.sock', 'notes.txt']);
    other.close();
  });
});

describe('a scope of systemd', () => {
  const root = { uid: 0, environment: {}, lingers: false };
  it('is made where systemd runs', () => {
    expect(scopeArguments(MARKER, root, true)).toEqual([
      ...['systemd-run', '--scope', '--collect', '--quiet', `--unit=kaleem-deploy-${MARKER}.scope`],
      ...['--description=kaleem-deploy', '--property=After=docker.service', '--'],
    ]);
    expect(scopeArguments(MARKER, root, false)).toBeNull();
  });

  it("is a user's own only when it outlives the last login", () => {
    expect(scopeArguments(MARKER, { ...root, uid: 7, lingers: true }, true)).toContain('--user');
    expect(scopeArguments(MARKER, { ...root, uid: 7 }, true)).toBeNull();
  });
});
