import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const TEMPORARY = /^\..*\.tmp$|^\.(?:new|removed)-/;

const namesIn = async (directory: string, recursive: boolean): Promise<readonly string[]> => {
  try {
    const entries = await readdir(directory, { withFileTypes: true, recursive });
    return entries.map(({ parentPath, name }) => join(parentPath, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** An archive without its manifest is half a backup, and so is a manifest without its archive. */
const halfBackups = (paths: readonly string[]): readonly string[] => {
  const ids = (ending: RegExp): readonly string[] =>
    paths
      .map(nameOf)
      .filter((name) => ending.test(name))
      .map((name) => name.replace(ending, ''));
  const archives = ids(/\.archive(?:\.gz)?$/);
  const manifests = ids(/\.manifest\.json$/);
  return [
    ...archives.filter((id) => !manifests.includes(id)).map((id) => `file: backup ${id} has no manifest`),
    ...manifests.filter((id) => !archives.includes(id)).map((id) => `file: backup ${id} has no archive`),
  ];
};

/** Files that an operation makes on its way and nobody shall find after it. */
export const filesLeft = async (directories: {
  readonly state: string;
  readonly backups: string;
  /** Where the compose file, `.env` and mounted files are; looked through without what is hidden in it. */
  readonly project: string;
}): Promise<readonly string[]> => {
  const { state, backups, project } = directories;
  const [inState, inBackups, inProject] = await Promise.all([
    namesIn(state, true),
    namesIn(backups, true),
    namesIn(project, false),
  ]);
  const mounted = await namesIn(join(project, 'nginx'), true);
  const temporary = [...inState, ...inBackups, ...inProject, ...mounted].filter((path) => TEMPORARY.test(nameOf(path)));
  return [...temporary.map((path) => `file: ${path} is left`), ...halfBackups(inBackups)];
};
