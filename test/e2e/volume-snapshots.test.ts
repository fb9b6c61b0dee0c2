import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { type DiskImage, type DiskImageOptions, makeDiskImage } from '../support/disk-image.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { openVariants, type Variants } from '../support/image-variant.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Listed {
  readonly id: string;
  readonly tag: string | null;
}

describe('a deploy that secures the database by a snapshot of its volume', () => {
  let stack: Stack;
  let variants: Variants;
  const backups = async (): Promise<readonly Listed[]> =>
    (await stack.run('backup', 'list', '--json')).json as readonly Listed[];
  /** What lies beside the files of the database, and is ours. */
  const ours = async (): Promise<readonly string[]> => {
    const { mongo = '' } = await stack.ids();
    const found = await stack.docker(
      'exec',
      mongo,
      'find',
      '/data/db',
      '-path',
      '/data/db/.kaleem-deploy/*',
      '-maxdepth',
      '3',
    );
    return found.split('\n').filter((line) => line !== '');
  };

  beforeAll(async () => {
    stack = await makeStack();
    variants = openVariants();
    await stack.write('kaleem-deploy.yml', 'stability: 0s\nbackup: { before_deploy: volume }\n');
    // The first one has nothing to go back to.
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(async () => {
    await stack?.cleanup();
    await variants?.cleanup();
  });

  it('serves the new version, then takes a backup, and leaves nothing in the volume', async () => {
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
    const before = (await backups()).length;
    const { mongo } = await stack.ids();
    const outcome = await stack.run('v0.0.2', '--json');
    expectExit(outcome, 0);
    expect(outcome.json).toMatchObject({ tag: 'v0.0.2', securedBy: 'volume', database: 'backed-up' });
    await expectServes(stack, 'v0.0.2');
    expect((await stack.ids()).mongo).toBe(mongo);
    const [newest] = await backups();
    expect(await backups()).toHaveLength(before + 1);
    expect(newest).toMatchObject({ tag: 'v0.0.2' });
    expect((outcome.json as { readonly backup: string }).backup).toBe(newest?.id);
    expect(await ours()).toEqual([]);
    const policies = (await stack.containers()).map(({ service, restartPolicy }) => `${service} ${restartPolicy}`);
    expect(policies).toContain('mongo unless-stopped');
  });

  it('puts the files back when the version fails, and keeps what that wrote until another one fails', async () => {
    const before = await stack.fingerprint();
    const { tag } = await variants.publish({ fault: 'spoil' });
    const outcome = await stack.runBriefly(tag);
    expectExit(outcome, 20);
    expect(outcome.stderr).toContain('database restored');
    await expectServes(stack, 'v0.0.2');
    expect(await stack.fingerprint()).toEqual(before);
    const [failed, ...more] = (await ours()).filter((path) => /failed$/.test(path));
    expect(more).toEqual([]);
    expect(outcome.stderr).toContain('/failed of volume');
    expectExit(await stack.run('prune', '--yes'), 0);
    expect(await ours()).toContain(failed);

    expectExit(await stack.runBriefly(tag), 20);
    expect(await stack.fingerprint()).toEqual(before);
    const second = (await ours()).filter((path) => /failed$/.test(path));
    expect(second).toHaveLength(1);
    expect(second).not.toContain(failed);
  });

  it('is interrupted like any other, and leaves nothing in the volume', async () => {
    const before = await stack.fingerprint();
    const failed = await ours();
    const deploy = stack.start('v0.0.1', '-v');
    await deploy.said(/snapshot the volume of the database/);
    deploy.signal('SIGINT');
    expectExit(await deploy.ended, 130);
    await expectServes(stack, 'v0.0.2');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await ours()).toEqual(failed);
  });

  it.each([
    { tag: 'v0.0.5', live: 'v0.0.5' },
    { tag: 'v0.0.4-exit', live: 'v0.0.5' },
  ])(
    'killed as the last thing in the deploy of $tag, needs no snapshot any more to be recovered',
    async ({ tag, live }) => {
      const killed = await stack.armed({ KALEEM_FAILPOINTS: 'operation.end.before=kill' }, tag).ended;
      expect(killed.code).not.toBe(0);
      expectExit(await stack.run('recover'), 0);
      await expectServes(stack, live);
    },
  );

  it('is refused, with nothing touched, where the data is in no volume', async () => {
    const other = await makeStack();
    try {
      const compose = await other.read('compose.yml');
      await other.write(
        'compose.yml',
        compose.replace('volumes: ["mongo-data:/data/db",', 'tmpfs: ["/data/db"]\n    volumes: ['),
      );
      await other.write('kaleem-deploy.yml', 'stability: 0s\nbackup: { before_deploy: volume }\n');
      expectExit(await other.run('v0.0.1'), 0);
      const ids = await other.ids();
      const outcome = await other.run('v0.0.2');
      expectExit(outcome, 12);
      expect(outcome.stderr).toMatch(/no snapshot of the database's volume: .*\/data\/db/);
      expect(outcome.stderr).toContain('before_deploy: auto');
      expect(await other.ids()).toEqual(ids);
      await expectServes(other, 'v0.0.1');
    } finally {
      await other.cleanup();
    }
  });
});

describe('the snapshot of a volume on a disk of its own', () => {
  /** Whose database is in a folder of the project, all of it on that disk. */
  const withStack = async (
    options: DiskImageOptions,
    use: (stack: Stack, disk: DiskImage) => Promise<void>,
  ): Promise<void> => {
    const disk = await makeDiskImage(options);
    const stack = await makeStack({ directory: disk.directory });
    try {
      const compose = await stack.read('compose.yml');
      await stack.write('compose.yml', compose.replace('mongo-data:/data/db', './db:/data/db'));
      await stack.write('kaleem-deploy.yml', 'stability: 0s\nbackup: { before_deploy: volume }\n');
      expectExit(await stack.run('v0.0.1'), 0);
      await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
      await use(stack, disk);
    } finally {
      await stack.cleanup();
      await disk.remove();
    }
  };
  const probeOf = async (stack: Stack): Promise<unknown> => {
    const last = (await readdir(join(stack.directory, '.kaleem', 'operations'))).sort().at(-1) ?? '';
    const lines = (await stack.read(join('.kaleem', 'operations', last, 'log.jsonl'))).split('\n').filter(Boolean);
    return lines
      .map((line) => JSON.parse(line) as { readonly msg?: string })
      .find(({ msg }) => msg === 'a snapshot of the volume');
  };

  it('shares its bytes with the files on XFS, and goes back all the same', async () => {
    await withStack({ fileSystem: 'xfs', mebibytes: 700 }, async (stack) => {
      expectExit(await stack.run('v0.0.2'), 0);
      expect(await probeOf(stack)).toMatchObject({ reflink: true });
      const before = await stack.fingerprint();
      expectExit(await stack.runBriefly('v0.0.3'), 20);
      expect(await stack.fingerprint()).toEqual(before);
      await expectServes(stack, 'v0.0.2');
    });
  });

  it('that does not fit in the end brings the old version back, and is gone', async () => {
    await withStack({ fileSystem: 'ext4', mebibytes: 700 }, async (stack, disk) => {
      const before = await stack.fingerprint();
      const deploy = stack.armed({ KALEEM_FAILPOINTS: 'effect.volume.copy.run=stop' }, 'v0.0.2', '-v');
      await deploy.said(/snapshot the volume of the database/);
      await untilStopped(stack);
      // Whatever happens to the engine now, it must not start the database on what is being copied, or put back.
      const mongo = (await stack.containers()).find(({ service }) => service === 'mongo');
      expect(mongo).toMatchObject({ state: 'exited', restartPolicy: 'no' });
      await disk.leave(6 * 1024 * 1024);
      await stack.signalRunner('SIGCONT');
      const outcome = await deploy.ended;
      await disk.leave(null);
      expectExit(outcome, 30);
      expect(outcome.stderr).toMatch(/the snapshot of the database's volume failed: .*No space left/);
      expect(await probeOf(stack)).toMatchObject({ reflink: false });
      await expectServes(stack, 'v0.0.1');
      expect(await stack.fingerprint()).toEqual(before);
      expect(await readdir(join(stack.directory, 'db'))).not.toContain('.kaleem-deploy');
    });
  });

  it('that cannot fit is refused before anything goes down', async () => {
    await withStack({ fileSystem: 'ext4', mebibytes: 700 }, async (stack, disk) => {
      const ids = await stack.ids();
      await disk.leave(20 * 1024 * 1024);
      const outcome = await stack.run('v0.0.2');
      await disk.leave(null);
      expectExit(outcome, 12);
      expect(outcome.stderr).toMatch(/its copy needs \d+ MB and \d+ MB are free/);
      expect(await stack.ids()).toEqual(ids);
      expect(await readdir(join(stack.directory, 'db'))).not.toContain('.kaleem-deploy');
    });
  });
});

const untilStopped = async (stack: Stack): Promise<void> => {
  for (;;) {
    const [runner] = await stack.runners();
    const state = runner === undefined ? '' : await readFile(`/proc/${runner.pid}/stat`, 'utf8');
    if (/\) T /.test(state)) return;
    await sleep(50);
  }
};
