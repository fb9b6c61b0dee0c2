import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import { findComposeFiles, namedComposeFiles } from './compose-files.ts';
import type { Config } from './config.ts';
import { addEnvFiles, defaultEnvFile, processVariables, type Variables } from './env-load.ts';
import { variable } from './known-variables.ts';
import { originText } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import type { Source } from './source.ts';

export interface ResolvedCompose {
  readonly compose: Config['compose'];
  readonly variables: Variables;
  readonly warnings: readonly string[];
}

interface Input {
  readonly file: ConfigFile['compose'];
  readonly source: Source;
  /** What relative paths start from: the configuration file's directory, or where the command was typed. */
  readonly directory: string;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly images: readonly string[];
}

const isTrue = (value: string | undefined): boolean => /^(?:1|t|true)$/i.test(value ?? '');

/** Env files that were named; null: Compose's own `.env`. */
const namedEnvFiles = ({ file, source, directory, environment }: Input) => {
  if (file?.env_file !== undefined) {
    return {
      files: file.env_file.map((name) => resolve(directory, name)),
      where: `${source.at(['compose', 'env_file'])}: compose.env_file`,
    };
  }
  const listed = environment.COMPOSE_ENV_FILES ?? '';
  if (listed !== '')
    return { files: listed.split(',').map((name) => resolve(directory, name)), where: 'COMPOSE_ENV_FILES' };
  return isTrue(environment.COMPOSE_DISABLE_ENV_FILE) ? { files: [], where: '' } : null;
};

const composeFiles = ({ file, source, directory }: Input, base: string, variables: Variables) => {
  if (file?.files !== undefined) {
    return namedComposeFiles(
      file.files,
      directory,
      (index) => `${source.at(['compose', 'files', index])}: compose.files[${index}]`,
    );
  }
  const listed = variable(variables, 'COMPOSE_FILE');
  if (listed === null) return findComposeFiles(base);
  const separator = variable(variables, 'COMPOSE_PATH_SEPARATOR') ?? ':';
  const where = `COMPOSE_FILE (${originText(variables.origins.get('COMPOSE_FILE'))})`;
  return namedComposeFiles(listed.split(separator), base, () => where);
};

const projectName = (file: ConfigFile['compose'], variables: Variables): string | null => {
  const name = file?.project ?? variable(variables, 'COMPOSE_PROJECT_NAME');
  if (name === null || /^[a-z0-9][a-z0-9_-]*$/.test(name)) return name;
  const where = originText(variables.origins.get('COMPOSE_PROJECT_NAME'));
  throw new DeployError('env-invalid', `COMPOSE_PROJECT_NAME (${where}) is '${name}', which is no project name`, {
    hint: 'small letters, digits, _ and -, beginning with a letter or digit',
  });
};

/** The env file that new tags go into: the one that sets the release variables now. */
const envFileToWrite = (images: readonly string[], variables: Variables, fallback: string): string => {
  const places = images.flatMap((name) => {
    const origin = variables.origins.get(name);
    return origin ? [{ name, ...origin }] : [];
  });
  const [first] = places;
  const other = places.find(({ file }) => file !== first?.file);
  if (first === undefined || other === undefined) return first?.file ?? fallback;
  throw new DeployError(
    'env-invalid',
    `${first.name} is set in ${first.shown}:${first.line} and ${other.name} in ${other.shown}:${other.line}: a deploy changes one env file`,
    { hint: `move ${other.name} to ${first.shown}` },
  );
};

/** A value in the environment hides the one a deploy writes. */
const hiddenImages = (images: readonly string[], variables: Variables, envFile: string): readonly string[] =>
  images
    .filter((name) => variables.values.has(name) && variables.origins.get(name) === null)
    .map(
      (name) =>
        `${name} is set in the environment, which wins over ${envFile}: a \`docker compose up\` by hand would use it`,
    );

/**
 * Works out what Compose would: env files, compose files, project directory, name and profiles, from the configuration
 * file, COMPOSE_* variables and Compose's defaults, in this order of precedence.
 */
export const resolveCompose = async (input: Input): Promise<ResolvedCompose> => {
  const { file, directory, cwd, environment, images } = input;
  const base = file?.directory === undefined ? directory : resolve(directory, file.directory);
  const named = namedEnvFiles(input);
  const first = named?.files ?? (await defaultEnvFile(base));
  const options = named === null ? { cwd } : { cwd, where: named.where };
  const early = await addEnvFiles(processVariables(environment), first, options);

  const { files, warnings } = await composeFiles(input, base, early);
  const projectDirectory = file?.directory === undefined ? dirname(files[0] ?? base) : base;
  // COMPOSE_FILE may lead to another folder, or the search to one above: its `.env` fills what is not set yet.
  const gaps = named === null && projectDirectory !== base ? await defaultEnvFile(projectDirectory) : [];
  const variables = await addEnvFiles(early, gaps, { cwd });

  const profiles =
    file?.profiles ?? (variable(variables, 'COMPOSE_PROFILES') ?? '').split(',').map((each) => each.trim());
  const fallback = named?.files.at(-1) ?? resolve(projectDirectory, '.env');
  const written = envFileToWrite(images, variables, fallback);
  // Replacing a symbolic link would cut it off from the file it leads to.
  const envFile = await realpath(written).catch(() => written);
  return {
    compose: {
      directory: projectDirectory,
      files,
      projectName: projectName(file, variables),
      profiles: profiles.filter((each) => each !== ''),
      envFile,
      envFiles: variables.files,
    },
    variables,
    warnings: [...warnings, ...hiddenImages(images, variables, envFile)],
  };
};
