import { lstat, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import { makeDirectory, replaceFile } from '../system/durable-file.ts';
import { assertOnlyOwnerWrites } from '../system/permissions.ts';
import { damaged, tooNew, writeError } from './state-error.ts';

/**
 * Where a project's history lives, one directory for each compose project:
 *
 *   version                          the format of all this: "1"
 *   operations/000012-a1b2/          one operation: journal.jsonl, and what else it keeps
 *   releases/000003/, releases/live  see releases.ts
 */
export interface StateDirectory {
  readonly path: string;
  readonly operations: string;
  readonly releases: string;
  /** Path of a file directly in it. */
  file(name: string): string;
}

const VERSION = 1;

const at = (path: string): StateDirectory => ({
  path,
  operations: join(path, 'operations'),
  releases: join(path, 'releases'),
  file: (name) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new DeployError('bug', `${name} is no file of the state`);
    return join(path, name);
  },
});

const orNull = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null;
  throw error;
};

/**
 * Whoever can write the state decides what the next rollback starts. Its owner, and that of a link to it, must be us,
 * root, or the owner of the folder it lies in: that one can change the compose file just as well.
 */
const assertSafe = async (path: string): Promise<void> => {
  const trusted = [process.getuid?.(), 0, (await stat(dirname(path))).uid];
  for (const [what, { uid }] of [
    ['link', await lstat(path)],
    ['directory', await stat(path)],
  ] as const) {
    if (trusted.includes(uid)) continue;
    throw new DeployError('config-unsafe', `the state ${what} ${path} belongs to user ${uid}`, {
      hint: `ls -ld ${path}; give it to whoever deploys (chown), or set \`state\` to another directory`,
    });
  }
  if (!(await stat(path)).isDirectory()) {
    throw new DeployError('config-invalid', `the state directory ${path} is not a directory`, {
      hint: `ls -ld ${path}`,
    });
  }
  await assertOnlyOwnerWrites(path, `the state directory ${path}`);
};

/** Null: none was written yet, for the process that created the directory died in between. */
const readVersion = async (path: string): Promise<number | null> => {
  const text = await readFile(path, 'utf8').catch(orNull);
  if (text === null) return null;
  if (!/^[1-9]\d{0,8}\n?$/.test(text)) throw damaged(path, 'it should hold a number');
  const version = Number(text);
  if (version > VERSION) throw tooNew(path, version, VERSION);
  return version;
};

/**
 * The state directory, created (0700) where it is missing.
 *
 * @throws DeployError 'config-unsafe' when somebody else may write it, 'config-invalid' when it can't be created or is
 * of a later version
 */
export const openState = async (path: string): Promise<StateDirectory> => {
  const state = at(resolve(path));
  const creating = (error: unknown): never => {
    throw writeError(`create the state directory ${state.path}`, error);
  };
  await makeDirectory(state.path).catch(creating);
  await assertSafe(state.path);
  const version = await readVersion(state.file('version'));
  await makeDirectory(state.operations).catch(creating);
  await makeDirectory(state.releases).catch(creating);
  if (version === null) await replaceFile(state.file('version'), `${VERSION}\n`).catch(creating);
  return state;
};

/** The state directory as it is, for those who only read; null when there is none. Creates nothing; the same errors. */
export const findState = async (path: string): Promise<StateDirectory | null> => {
  const state = at(resolve(path));
  if ((await stat(state.path).catch(orNull)) === null) return null;
  await assertSafe(state.path);
  await readVersion(state.file('version'));
  return state;
};
