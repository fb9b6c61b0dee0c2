import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#failpoint';
import { DeployError } from '../errors.ts';
import { createFile, makeDirectory, removeDurably, replaceFile, syncDirectory } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { type Release, releaseSchema, type Snapshot, type StoredRelease } from './release.ts';
import { COMPOSE_FILE, readSnapshot, readStateJson, writeSnapshot } from './snapshot-files.ts';
import { findState, type StateDirectory } from './state.ts';
import { damaged, writeError } from './state-error.ts';

export type { Release, ReleaseImage, ReleaseService, Snapshot, SnapshotFile } from './release.ts';

/**
 * The releases of a project:
 *
 *   releases/000003/release.json   what it is
 *                   compose.json   the rendered compose file
 *                   files.json     paths, modes and SHA-256 of files/000, files/001, ...
 *   releases/live                  "3": the id of the live one
 *   releases/removed               "2": the highest id ever removed, so that none is used twice
 *
 * Names that start with a dot are unfinished work of a process that died; other names are not ours. All files are 0600
 * and not redacted: a snapshot must be whole. Writing takes the project's lock. What can't be read is a DeployError
 * 'halted-earlier' that names the file.
 */
export interface ReleaseStore {
  /** Newest first. */
  list(): Promise<readonly Release[]>;
  get(id: number): Promise<Release | null>;
  live(): Promise<Release | null>;
  nextId(): Promise<number>;
  /** Adds a release, whole or not at all. It becomes live through `setLive` alone; a `live` status is saved as `good`. */
  save(release: Release, snapshot: Snapshot): Promise<void>;
  /** Replaces what is known about a release. The live one, marked `bad`, shows as live until another one is. */
  update(release: Release): Promise<void>;
  /**
   * Makes a release the live one, in one step. The one before it is good from then on, unless it was marked bad; one that
   * was bad and is live again has proved to be good.
   */
  setLive(id: number): Promise<void>;
  snapshot(id: number): Promise<Snapshot>;
  /** Absolute path of the rendered compose file, for `docker compose -f`. */
  composePath(id: number): string;
  /** Removes what a process that died was about to add or remove. */
  sweep(): Promise<void>;
  /** Removes a release; one that is not there is not an error. The live one is refused. */
  remove(id: number): Promise<void>;
}

const DIRECTORY = /^\d{6,}$/;

const jsonOf = ({ status, ...release }: Release): string => {
  const stored: StoredRelease = { ...release, status: status === 'bad' ? 'bad' : 'good' };
  const { error } = releaseSchema.safeParse(stored);
  if (error) throw new DeployError('bug', `release ${release.id} can't be written: ${error.message}`, { cause: error });
  return `${JSON.stringify(stored, null, 2)}\n`;
};

export const openReleases = (state: StateDirectory): ReleaseStore => {
  const at = (name: string): string => join(state.releases, name);
  const nameOf = (id: number): string => String(id).padStart(6, '0');
  const directoryOf = (id: number): string => at(nameOf(id));

  const releaseFile = (id: number): string => join(directoryOf(id), 'release.json');

  const names = (): Promise<readonly string[]> =>
    readdir(state.releases).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });

  const ids = async (): Promise<readonly number[]> =>
    (await names())
      .filter((name) => DIRECTORY.test(name) && nameOf(Number(name)) === name)
      .map(Number)
      .sort((a, b) => b - a);

  const readNumber = async (name: string): Promise<number | null> => {
    if (!(await names()).includes(name)) return null;
    const text = await readFile(at(name), 'utf8');
    if (!/^[1-9]\d{0,8}\n$/.test(text)) throw damaged(at(name), 'it should hold the number of a release');
    return Number(text);
  };

  const read = async (id: number, live: number | null): Promise<Release> => {
    const path = releaseFile(id);
    const stored = await readStateJson(path, releaseSchema);
    if (stored.id !== id) throw damaged(path, `it is about release ${stored.id}`);
    return { ...stored, status: id === live ? 'live' : stored.status };
  };

  const get = async (id: number): Promise<Release | null> =>
    (await ids()).includes(id) ? read(id, await readNumber('live')) : null;

  const mustExist = async (id: number): Promise<Release> => {
    const release = await get(id);
    if (release !== null) return release;
    throw new DeployError('release-not-found', `there is no release ${id}`, { hint: 'kaleem-deploy releases' });
  };

  const write = async (path: string, content: string): Promise<void> => {
    await replaceFile(path, content, { mode: 0o600 }).catch((error: unknown) => {
      throw writeError(`write ${path}`, error);
    });
  };

  const sweep = async (): Promise<void> => {
    for (const name of await names()) if (/^\.(new|removed)-/.test(name)) await removeDurably(at(name));
  };

  return {
    get,
    sweep,
    async list() {
      const live = await readNumber('live');
      const releases: Release[] = [];
      for (const id of await ids()) releases.push(await read(id, live));
      return releases;
    },
    async live() {
      const id = await readNumber('live');
      if (id === null) return null;
      if (!(await ids()).includes(id)) throw damaged(at('live'), `it names release ${id}, which is not there`);
      return read(id, id);
    },
    nextId: async () => Math.max(0, ...(await ids()), (await readNumber('removed')) ?? 0) + 1,
    async save(release, snapshot) {
      await sweep();
      if ((await ids()).includes(release.id)) throw new DeployError('bug', `release ${release.id} is there already`);
      await failpoint('release.save.before');
      const temporary = at(`.new-${nameOf(release.id)}-${randomBytes(4).toString('hex')}`);
      try {
        await makeDirectory(temporary);
        await createFile(join(temporary, 'release.json'), jsonOf(release));
        await writeSnapshot(temporary, snapshot);
        await failpoint('release.save.written');
        await rename(temporary, directoryOf(release.id));
        await failpoint('release.save.renamed');
        await syncDirectory(state.releases);
        await failpoint('release.save.after');
      } catch (error) {
        await removeDurably(temporary).catch(() => {});
        throw writeError(`save release ${release.id} in ${state.releases}`, error);
      }
    },
    async update(release) {
      await mustExist(release.id);
      await around('release.update', () => write(releaseFile(release.id), jsonOf(release)));
    },
    async setLive(id) {
      const release = await mustExist(id);
      if (release.status === 'bad') await write(releaseFile(id), jsonOf({ ...release, status: 'good' }));
      await around('release.live', () => write(at('live'), `${id}\n`));
    },
    async snapshot(id) {
      await mustExist(id);
      return readSnapshot(directoryOf(id));
    },
    composePath: (id) => join(directoryOf(id), COMPOSE_FILE),
    async remove(id) {
      await sweep();
      if (!(await ids()).includes(id)) return;
      if ((await readNumber('live')) === id) throw new DeployError('bug', `release ${id} is live and can't be removed`);
      const highest = (await readNumber('removed')) ?? 0;
      if (id > highest) await write(at('removed'), `${id}\n`);
      const temporary = at(`.removed-${nameOf(id)}-${randomBytes(4).toString('hex')}`);
      await failpoint('release.remove.before');
      await rename(directoryOf(id), temporary);
      await failpoint('release.remove.renamed');
      await syncDirectory(state.releases);
      await removeDurably(temporary);
      await failpoint('release.remove.after');
    },
  };
};

/** The releases of a project, newest first, whether it has a state directory by now or not. Takes no lock. */
export const listReleases = async (stateDirectory: string): Promise<readonly Release[]> => {
  const state = await findState(stateDirectory);
  return state === null ? [] : openReleases(state).list();
};
