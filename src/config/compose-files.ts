import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DeployError } from '../errors.ts';

/** In the order of Compose's preference (compose-go, cli/options.go). */
export const COMPOSE_FILE_NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'] as const;
const OVERRIDE_NAMES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
] as const;

export interface ComposeFiles {
  /** Absolute, in merge order. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => !stats.isDirectory(),
    () => false,
  );

const candidates = async (directory: string, names: readonly string[]): Promise<readonly string[]> => {
  const found = await Promise.all(names.map((name) => isFile(join(directory, name))));
  return names.filter((_, index) => found[index]);
};

const ambiguity = (names: readonly string[], directory: string): readonly string[] =>
  names.length > 1 ? [`${names.join(' and ')} are both in ${directory}: ${names[0]} is used, as Compose does`] : [];

/** Looks where Compose looks: the default names in `start`, then in each folder above it, with the override beside it. */
export const findComposeFiles = async (start: string): Promise<ComposeFiles> => {
  for (let directory = start; ; directory = dirname(directory)) {
    const names = await candidates(directory, COMPOSE_FILE_NAMES);
    const [winner] = names;
    if (winner !== undefined) {
      const overrides = await candidates(directory, OVERRIDE_NAMES);
      return {
        files: [winner, ...overrides.slice(0, 1)].map((name) => join(directory, name)),
        warnings: [...ambiguity(names, directory), ...ambiguity(overrides, directory)],
      };
    }
    if (dirname(directory) !== directory) continue;
    throw new DeployError(
      'config-invalid',
      `there is no compose file: looked for ${COMPOSE_FILE_NAMES.join(', ')} in ${start} and every folder above it`,
      {
        hint: 'run the command beside the compose file, or name it in COMPOSE_FILE or under compose.files in kaleem-deploy.yml',
      },
    );
  }
};

/**
 * Files that were named: in the configuration, or in COMPOSE_FILE.
 * @param where what names them, for messages: a file and line, or the variable
 */
export const namedComposeFiles = async (
  names: readonly string[],
  directory: string,
  where: (index: number) => string,
): Promise<ComposeFiles> => {
  const files: string[] = [];
  for (const [index, name] of names.entries()) {
    const file = resolve(directory, name);
    if (name === '-') throw new DeployError('config-invalid', `${where(index)}: a compose file can't come from stdin`);
    if (name === '')
      throw new DeployError('config-invalid', `${where(index)}: an empty name in the list of compose files`);
    if (!(await isFile(file))) {
      throw new DeployError('config-invalid', `${where(index)}: there is no compose file ${file}`, {
        hint: `relative names start from ${directory}`,
      });
    }
    if (files.includes(file)) throw new DeployError('config-invalid', `${where(index)}: ${name} is named twice`);
    files.push(file);
  }
  return { files, warnings: [] };
};
