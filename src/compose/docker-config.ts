import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failpoint } from '#failpoint';
import type { RegistryCredentials } from '../config/config.ts';
import type { CommandRunner } from '../system/command.ts';

/** The user's Docker config: who they are to which registry. Format: config.json of docker/cli (cli/config/configfile/file.go). */
interface DockerConfigFile {
  readonly auths?: Readonly<
    Record<
      string,
      {
        readonly auth?: string;
        readonly username?: string;
        readonly password?: string;
        readonly identitytoken?: string;
      }
    >
  >;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

export interface RegistryAuth {
  readonly serveraddress: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

type Environment = Readonly<Record<string, string>>;

export const dockerConfigDirectory = (environment: Environment): string =>
  environment.DOCKER_CONFIG || join(environment.HOME || '/', '.docker');

/** Docker Hub's key in `auths`, for historical reasons. */
const authKey = (registry: string): string =>
  ['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(registry)
    ? 'https://index.docker.io/v1/'
    : registry;

const readConfig = async (directory: string): Promise<DockerConfigFile> => {
  const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => '{}');
  try {
    return JSON.parse(text) as DockerConfigFile;
  } catch {
    // docker itself says what is wrong with it.
    return {};
  }
};

const sameRegistry = (credentials: RegistryCredentials, registry: string): boolean =>
  authKey(hostOf(credentials.server)) === authKey(registry);
const hostOf = (server: string): string => server.replace(/^https?:\/\//, '').split('/')[0] ?? server;

/**
 * Who the deploying user is to a registry: configured credentials, else what `docker login` left (a credential helper or the
 * file). Null: nobody.
 */
export const registryAuth = async (
  registry: string,
  deps: {
    readonly environment: Environment;
    readonly commands: CommandRunner;
    readonly registries: readonly RegistryCredentials[];
  },
  signal?: AbortSignal,
): Promise<RegistryAuth | null> => {
  const serveraddress = authKey(registry);
  const configured = deps.registries.find((each) => sameRegistry(each, registry));
  if (configured) return { serveraddress, username: configured.username, password: configured.password };
  const config = await readConfig(dockerConfigDirectory(deps.environment));
  const helper = config.credHelpers?.[serveraddress] ?? config.credHelpers?.[registry] ?? config.credsStore;
  if (helper) return askHelper(helper, serveraddress, deps, signal);
  const entries = Object.entries(config.auths ?? {});
  const found = entries.find(([key]) => key === serveraddress) ?? entries.find(([key]) => hostOf(key) === registry);
  if (found === undefined) return null;
  const [, { auth, username, password, identitytoken }] = found;
  if (identitytoken) return { serveraddress, identitytoken };
  const decoded = auth ? Buffer.from(auth, 'base64').toString() : `${username ?? ''}:${password ?? ''}`;
  const colon = decoded.indexOf(':');
  return colon <= 0 ? null : { serveraddress, username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
};

const HELPER_TIMEOUT_MS = 30_000;

/** Protocol: https://github.com/docker/docker-credential-helpers. It exits 1 when it has nothing. */
const askHelper = async (
  helper: string,
  serveraddress: string,
  deps: { readonly environment: Environment; readonly commands: CommandRunner },
  signal?: AbortSignal,
): Promise<RegistryAuth | null> => {
  const result = await deps.commands.run([`docker-credential-${helper}`, 'get'], {
    env: deps.environment,
    input: serveraddress,
    timeoutMs: HELPER_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.exitCode !== 0) return null;
  try {
    const { Username, Secret } = JSON.parse(result.stdout) as { readonly Username: string; readonly Secret: string };
    if (Username === '<token>') return { serveraddress, identitytoken: Secret };
    return { serveraddress, username: Username, password: Secret };
  } catch {
    return null;
  }
};

/**
 * Runs `use` with an environment in which `docker` knows the configured credentials as well as the user's own. They are in a
 * directory that only we can read and that is gone afterwards; never in an argv.
 */
export const withCredentials = async <T>(
  deps: { readonly environment: Environment; readonly registries: readonly RegistryCredentials[] },
  use: (environment: Environment) => Promise<T>,
): Promise<T> => {
  if (deps.registries.length === 0) return use(deps.environment);
  const own = dockerConfigDirectory(deps.environment);
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-docker-'));
  try {
    // Contexts, certificates and plugins stay where they are.
    for (const name of await readdir(own).catch(() => [])) {
      if (name !== 'config.json') await symlink(join(own, name), join(directory, name));
    }
    const merged = mergeCredentials(await readConfig(own), deps.registries);
    await writeFile(join(directory, 'config.json'), JSON.stringify(merged), { mode: 0o600 });
    await failpoint('credentials.written');
    return await use({ ...deps.environment, DOCKER_CONFIG: directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
    await failpoint('credentials.removed');
  }
};

/** The user's config with credentials added. An empty helper makes docker read the file for that registry, whatever `credsStore` says. */
export const mergeCredentials = (
  config: DockerConfigFile,
  registries: readonly RegistryCredentials[],
): DockerConfigFile => {
  const keyed = registries.map((each) => [authKey(hostOf(each.server)), each] as const);
  const auths = keyed.map(([key, { username, password }]) => [
    key,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ]);
  const helpers = keyed.map(([key]) => [key, ''] as const);
  return {
    ...config,
    auths: { ...config.auths, ...Object.fromEntries(auths) },
    ...(config.credsStore || config.credHelpers
      ? { credHelpers: { ...config.credHelpers, ...Object.fromEntries(helpers) } }
      : {}),
  };
};
