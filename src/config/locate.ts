import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import { COMPOSE_FILE_NAMES } from './compose-files.ts';
import { nearest } from './nearest.ts';

export interface FoundConfig {
  /** What relative paths start from. */
  readonly directory: string;
  /** Absolute; base first, then the overlay. Empty: there is no configuration file. */
  readonly files: readonly string[];
}

const NAMES = ['kaleem-deploy.yml', 'kaleem-deploy.yaml'] as const;
const DESTINATION = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A link to nowhere is there too: reading it says so, and nothing is deployed without the configuration that was meant. */
const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

const existing = async (directory: string, names: readonly string[]): Promise<readonly string[]> => {
  const found = await Promise.all(names.map((name) => exists(join(directory, name))));
  return names.filter((_, index) => found[index]);
};

/** Splits `kaleem-deploy.yml` into the stem and the ending that overlays share. */
const partsOf = (file: string): { stem: string; ending: string } => {
  const ending = /\.ya?ml$/.exec(file)?.[0] ?? '';
  return { stem: basename(file, ending), ending };
};

/** Destinations that have an overlay in a directory. */
const destinationsIn = async (directory: string, stem: string): Promise<readonly string[]> => {
  const entries = await readdir(directory).catch(() => []);
  const names = entries.flatMap((entry) => {
    const name = /^(.*)\.ya?ml$/.exec(entry)?.[1] ?? '';
    return name.startsWith(`${stem}.`) ? [name.slice(stem.length + 1)] : [];
  });
  return [...new Set(names.filter((name) => DESTINATION.test(name)))].sort();
};

const onlyOne = (directory: string, names: readonly string[]): string | null => {
  if (names.length <= 1) return names[0] ?? null;
  throw new DeployError('config-invalid', `both ${names.join(' and ')} are in ${directory}`, {
    hint: 'remove one of them',
  });
};

export const isDestination = (name: string | null): name is string => name !== null && DESTINATION.test(name);

const overlayNames = (stem: string, destination: string): readonly string[] => [
  `${stem}.${destination}.yml`,
  `${stem}.${destination}.yaml`,
];

const overlayFor = async (directory: string, stem: string, destination: string): Promise<string> => {
  if (!isDestination(destination)) {
    throw new DeployError('config-invalid', `'${destination}' is not the name of a destination`, {
      hint: 'a name has small letters, digits and hyphens, and its file is kaleem-deploy.<name>.yml',
    });
  }
  const names = overlayNames(stem, destination);
  const overlay = onlyOne(directory, await existing(directory, names));
  if (overlay !== null) return join(directory, overlay);
  const known = await destinationsIn(directory, stem);
  const near = nearest(destination, known);
  throw new DeployError(
    'config-invalid',
    `there is no destination '${destination}': ${join(directory, names[0] ?? '')} is missing`,
    {
      hint:
        near === null
          ? `destinations: ${known.join(', ') || 'none'}`
          : `did you mean '${near}'? Destinations: ${known.join(', ')}`,
    },
  );
};

/**
 * The nearest directory upwards with a configuration file, a compose file or a `.env`: typed in a folder below, a
 * command means the same application, with the same configuration, as Compose would.
 */
const findDirectory = async (cwd: string): Promise<string> => {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const found = await existing(directory, [...NAMES, ...COMPOSE_FILE_NAMES, '.env']);
    if (found.length > 0 || (await destinationsIn(directory, 'kaleem-deploy')).length > 0) return directory;
    if (dirname(directory) === directory) return cwd;
  }
};

/**
 * The files that say where other hosts are: as `findConfig`, but that a destination which has no overlay here may have
 * one where the command will run.
 */
export const findHostFiles = async (input: {
  readonly cwd: string;
  readonly destination: string | null;
}): Promise<FoundConfig> => {
  const { destination } = input;
  const directory = await findDirectory(input.cwd);
  const found = onlyOne(directory, await existing(directory, NAMES));
  const { stem } = partsOf(found ?? NAMES[0]);
  const names = [found, ...(isDestination(destination) ? overlayNames(stem, destination) : [])];
  const files = await existing(
    directory,
    names.filter((name) => name !== null),
  );
  return { directory, files: files.map((name) => join(directory, name)) };
};

/**
 * Finds the configuration file (`configPath`, or kaleem-deploy.yml or .yaml in `cwd` or above) and the overlay of the
 * destination beside it. No file at all is not an error; a destination without one is.
 */
export const findConfig = async (input: {
  readonly cwd: string;
  readonly configPath: string | null;
  readonly destination: string | null;
}): Promise<FoundConfig> => {
  const { cwd, configPath, destination } = input;
  const directory = configPath === null ? await findDirectory(cwd) : dirname(resolve(cwd, configPath));
  const found = configPath === null ? onlyOne(directory, await existing(directory, NAMES)) : basename(configPath);
  const base = found === null ? [] : [join(directory, found)];
  const { stem } = partsOf(found ?? NAMES[0]);
  if (destination !== null) return { directory, files: [...base, await overlayFor(directory, stem, destination)] };
  const destinations = base.length === 0 ? await destinationsIn(directory, stem) : [];
  // Without configuration, Compose's own search starts where the command was typed.
  if (destinations.length === 0) return { directory: base.length === 0 ? cwd : directory, files: base };
  throw new DeployError(
    'config-invalid',
    `${directory} has configuration for ${destinations.join(', ')}, and none was chosen`,
    {
      hint: `kaleem-deploy -d ${destinations[0]} ...`,
    },
  );
};
