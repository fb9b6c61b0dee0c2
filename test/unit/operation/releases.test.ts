import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openReleases, type Release, type ReleaseStore, type Snapshot } from '../../../src/operation/releases.ts';
import { openState, type StateDirectory } from '../../../src/operation/state.ts';
import { compileSources } from './compile.ts';
import { failureOf, removeDirectory, temporaryDirectory } from './fixtures.ts';

const run = promisify(execFile);

let directory: string;
let state: StateDirectory;
let releases: ReleaseStore;

beforeEach(async () => {
  directory = await temporaryDirectory();
  state = await openState(join(directory, '.kaleem'));
  releases = openReleases(state);
});

afterEach(() => removeDirectory(directory));

const release = (id: number, changes: Partial<Release> = {}): Release => ({
  id,
  tag: `v0.0.${id}`,
  origin: 'deployed',
  images: [
    {
      variable: 'KALEEM_API_IMAGE',
      reference: `ghcr.io/o/api:v0.0.${id}`,
      tag: `v0.0.${id}`,
      digest: `sha256:${'a'.repeat(64)}`,
      imageId: `sha256:${'b'.repeat(64)}`,
      pinned: `ghcr.io/o/api:v0.0.${id}@sha256:${'a'.repeat(64)}`,
    },
  ],
  services: {
    api: { image: 'x', imageId: 'sha256:b', heldAs: null },
    mongo: { image: 'mongo:7', imageId: 'c', heldAs: 'k' },
  },
  variables: ['KALEEM_API_IMAGE'],
  backup: null,
  status: 'good',
  who: 'alice@host',
  at: '2026-01-31T12:00:00.000Z',
  operation: '000001-a1b2',
  downtimeMs: 1234.5,
  backupDurationMs: null,
  ...changes,
});

const snapshot: Snapshot = {
  compose: '{"services":{"api":{"image":"é"}}}',
  files: [
    { path: '/srv/app/compose.yml', mode: 0o644, content: Buffer.from('services: {}\n') },
    { path: '/srv/app/.env', mode: 0o100600, content: Buffer.from([0, 1, 255, 254]) },
    { path: '/srv/app/empty', mode: 0o755, content: new Uint8Array() },
  ],
};

const at = (...names: string[]) => join(state.releases, ...names);

describe('the release store', () => {
  it('is empty at first, also where nothing was created yet', async () => {
    for (const store of [releases, openReleases({ ...state, releases: join(directory, 'none') })]) {
      expect([await store.list(), await store.live(), await store.get(1), await store.nextId()]).toEqual([
        [],
        null,
        null,
        1,
      ]);
    }
  });

  it('gives back what was saved, newest first', async () => {
    for (const id of [1, 2, 10]) await releases.save(release(id), snapshot);
    expect(await releases.list()).toEqual([release(10), release(2), release(1)]);
    expect(await releases.get(2)).toEqual(release(2));
    expect(await releases.get(3)).toBeNull();
    expect(await releases.nextId()).toBe(11);
  });

  it('gives back a snapshot byte for byte, with permissions', async () => {
    await releases.save(release(1), snapshot);
    const { compose, files } = await releases.snapshot(1);
    expect(compose).toBe(snapshot.compose);
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/srv/app/compose.yml', 0o644],
      ['/srv/app/.env', 0o600],
      ['/srv/app/empty', 0o755],
    ]);
    for (const [i, file] of files.entries())
      expect(Buffer.from(file.content)).toEqual(Buffer.from(snapshot.files[i]?.content ?? []));
    expect(await readFile(releases.composePath(1), 'utf8')).toBe(snapshot.compose);
    expect(releases.composePath(1)).toBe(at('000001', 'compose.json'));
  });

  it('keeps everything to its owner, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await releases.save(release(1), snapshot);
      await releases.setLive(1);
      await releases.update(release(1));
    } finally {
      process.umask(before);
    }
    for (const name of await readdir(state.releases, { recursive: true })) {
      const stats = await stat(at(name));
      expect(stats.mode & 0o777, name).toBe(stats.isDirectory() ? 0o700 : 0o600);
    }
  });

  it('refuses to save a number twice, and leaves the first', async () => {
    await releases.save(release(1), snapshot);
    await expect(releases.save(release(1, { tag: 'other' }), snapshot)).rejects.toMatchObject({ code: 'bug' });
    expect(await releases.list()).toEqual([release(1)]);
  });

  it('refuses what it could not read back', async () => {
    const odd = release(1, { downtimeMs: Number.NaN });
    await expect(releases.save(odd, snapshot)).rejects.toMatchObject({ code: 'bug' });
    await expect(
      releases.save(release(1), { ...snapshot, files: [{ path: 'relative', mode: 0, content: Buffer.alloc(0) }] }),
    ).rejects.toMatchObject({ code: 'bug' });
    expect(await readdir(state.releases)).toEqual([]);
  });

  it('updates what is known about a release, but none that is not there', async () => {
    await releases.save(release(1), snapshot);
    await releases.update(release(1, { backup: '000001-v1', status: 'bad' }));
    expect(await releases.get(1)).toEqual(release(1, { backup: '000001-v1', status: 'bad' }));
    await expect(releases.update(release(2))).rejects.toMatchObject({ code: 'release-not-found' });
  });

  it('adds a release whole or not at all when the disk fills up', async () => {
    await releases.save(release(1), snapshot);
    const compiled = await compileSources();
    try {
      const script = await compiled.script(
        'full',
        `import { openReleases } from './operation/releases.js';
         import { openState } from './operation/state.js';
         const releases = openReleases(await openState(${JSON.stringify(state.path)}));
         const release = ${JSON.stringify(release(2))};
         const files = [{ path: '/big', mode: 0o600, content: Buffer.alloc(10_000, 'x') }];
         await releases.save(release, { compose: '{}', files }).catch((error) => console.log(error.code));`,
      );
      const { stdout } = await run('prlimit', ['--fsize=4096', process.execPath, script]);
      expect(stdout.trim()).toBe('disk-full');
    } finally {
      await compiled.remove();
    }
    expect(await readdir(state.releases)).toEqual(['000001']);
    expect(await releases.list()).toEqual([release(1)]);
  });
});

describe('the live release', () => {
  beforeEach(async () => {
    for (const id of [1, 2]) await releases.save(release(id, { status: 'live' }), snapshot);
  });

  const statuses = async () => (await releases.list()).map(({ status }) => status);

  it('is none until it is set, whatever the saved status says', async () => {
    expect(await releases.live()).toBeNull();
    expect(await statuses()).toEqual(['good', 'good']);
  });

  it('is the one that was set last; the one before is good', async () => {
    await releases.setLive(1);
    expect(await releases.live()).toEqual(release(1, { status: 'live' }));
    await releases.setLive(2);
    expect(await releases.live()).toEqual(release(2, { status: 'live' }));
    expect(await statuses()).toEqual(['live', 'good']);
    expect(await readFile(at('live'), 'utf8')).toBe('2\n');
  });

  it('keeps its status through an update, and is bad afterwards when it was marked so', async () => {
    await releases.setLive(2);
    await releases.update(release(2, { status: 'live', downtimeMs: 7 }));
    expect(await releases.live()).toMatchObject({ status: 'live', downtimeMs: 7 });
    await releases.update(release(2, { status: 'bad' }));
    expect(await statuses()).toEqual(['live', 'good']);
    await releases.setLive(1);
    expect(await statuses()).toEqual(['bad', 'live']);
  });

  it('is good again after it was bad and live once more', async () => {
    await releases.update(release(1, { status: 'bad' }));
    await releases.setLive(1);
    await releases.setLive(2);
    expect(await statuses()).toEqual(['live', 'good']);
  });

  it('can only be one that is there', async () => {
    await releases.setLive(1);
    await expect(releases.setLive(3)).rejects.toMatchObject({ code: 'release-not-found' });
    expect(await releases.live()).toMatchObject({ id: 1 });
  });
});

describe('removing a release', () => {
  beforeEach(async () => {
    for (const id of [1, 2, 3]) await releases.save(release(id), snapshot);
  });

  it('removes it whole and never uses its number again', async () => {
    await releases.remove(3);
    await releases.remove(1);
    await releases.remove(99);
    expect((await releases.list()).map(({ id }) => id)).toEqual([2]);
    expect((await readdir(state.releases)).sort()).toEqual(['000002', 'removed']);
    expect(await releases.nextId()).toBe(4);
  });

  it('refuses the live one', async () => {
    await releases.setLive(2);
    await expect(releases.remove(2)).rejects.toMatchObject({ code: 'bug' });
    expect(await releases.live()).toMatchObject({ id: 2 });
  });
});

describe('what a process left that died', () => {
  it('is no release, and is swept away by the next save', async () => {
    for (const name of ['.new-000001-00ff00ff', '.removed-000001-00ff00ff']) {
      await mkdir(at(name, 'files'), { recursive: true });
      await writeFile(at(name, 'release.json'), '{');
    }
    await writeFile(at('.live.0000.tmp'), 'half');
    expect(await releases.list()).toEqual([]);
    expect(await releases.nextId()).toBe(1);
    await releases.save(release(1), snapshot);
    expect((await readdir(state.releases)).sort()).toEqual(['.live.0000.tmp', '000001']);
  });
});

describe('a damaged release', () => {
  beforeEach(async () => {
    for (const id of [1, 2]) await releases.save(release(id), snapshot);
    await releases.setLive(2);
  });

  const stored = JSON.stringify({ ...release(1) });
  it.each([
    ['not JSON', '{"id":1'],
    ['empty', ''],
    ['without a tag', JSON.stringify({ ...release(1), tag: undefined })],
    ['with a key too many', JSON.stringify({ ...release(1), extra: 1 })],
    ['of another number', stored.replace('"id":1', '"id":7')],
    ['live by itself', stored.replace('"good"', '"live"')],
  ])('is never left out silently: release.json %s', async (_, text) => {
    await writeFile(at('000001', 'release.json'), text);
    const { list, get, snapshot: read, setLive } = releases;
    for (const call of [list, () => get(1), () => read(1), () => setLive(1)]) {
      const error = await failureOf(call());
      expect(error.code).toBe('halted-earlier');
      expect(error.message).toContain(at('000001', 'release.json'));
    }
    expect(await releases.live()).toMatchObject({ id: 2 });
  });

  it.each([
    ['release.json', () => releases.list()],
    ['files.json', () => releases.snapshot(1)],
    ['compose.json', () => releases.snapshot(1)],
    ['files/001', () => releases.snapshot(1)],
  ])('names the file that is missing: %s', async (name, read) => {
    await rm(at('000001', name));
    const error = await failureOf(read());
    expect(error).toMatchObject({ code: 'halted-earlier', message: expect.stringContaining(at('000001', name)) });
  });

  it.each(['compose.json', 'files/000', 'files/002'])('notices that %s is not what was saved', async (name) => {
    await chmod(at('000001', name), 0o600);
    await writeFile(at('000001', name), 'edited');
    expect((await failureOf(releases.snapshot(1))).message).toContain(at('000001', name));
    await releases.snapshot(2);
  });

  it.each(['', '2', 'two\n', '0\n', '3\n'])('is not guessed from a live file with %j in it', async (text) => {
    await writeFile(at('live'), text);
    const error = await failureOf(releases.live());
    expect(error).toMatchObject({ code: 'halted-earlier', message: expect.stringContaining(at('live')) });
  });

  it('leaves out directories whose name is not a release’s', async () => {
    for (const name of ['0000003', '3', '000003.bak']) await mkdir(at(name));
    expect((await releases.list()).map(({ id }) => id)).toEqual([2, 1]);
  });
});
