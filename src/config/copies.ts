import { resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import type { CopyPlace, KeepPolicy } from './config.ts';
import type { Variables } from './env-load.ts';
import { fromHome } from './home.ts';
import { variable } from './known-variables.ts';
import { isLoopback } from './loopback.ts';
import type { Resolver } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import type { CopyInput, S3Input, SftpInput } from './schema-copies.ts';
import type { Reference } from './schema-values.ts';
import { resolveKeep } from './sections.ts';
import type { Path } from './source.ts';
import { checkUri, splitHost } from './uri-kinds.ts';

interface World {
  readonly resolver: Resolver;
  readonly variables: Variables;
  /** Folder of the configuration file. */
  readonly base: string;
}

const inHome = (path: string, { variables, base }: World): string =>
  resolve(base, fromHome(path, variable(variables, 'HOME')));

const sftpPlace = async (
  path: Path,
  given: SftpInput,
  world: World,
): Promise<Omit<CopyPlace & { type: 'sftp' }, 'keep'>> => {
  const { resolver, variables } = world;
  const url = await resolver.uri([...path, 'url'], 'sftp', { text: given.url });
  const parsed = checkUri('sftp', url);
  const { host, port } = splitHost(parsed.hosts[0] ?? '') ?? { host: '', port: null };
  // `/~/x` is x in the home of the user there, which is where SFTP begins.
  const directory = parsed.path.startsWith('~/') ? parsed.path.slice(2) : `/${parsed.path}`;
  const { identity_file, known_hosts = '~/.ssh/known_hosts', passphrase } = given;
  return {
    ...{ type: 'sftp', name: given.name, url: url.replace(/\/+$/, '') },
    ...{ host: host.replace(/^\[|\]$/g, ''), port: port ?? 22, username: parsed.username ?? '' },
    directory: directory.replace(/(?<=.)\/+$/, ''),
    identityFile: identity_file === undefined ? null : inHome(identity_file, world),
    passphrase: passphrase === undefined ? null : await resolver.reference([...path, 'passphrase'], passphrase),
    knownHosts: inHome(known_hosts, world),
    agent: variable(variables, 'SSH_AUTH_SOCK'),
    home: variable(variables, 'HOME'),
  };
};

/** Credentials and backups don't travel in the clear but within this host. */
const refusePlainHttp = (where: string, endpoint: string): void => {
  const { protocol, hostname } = new URL(endpoint);
  if (protocol === 'https:' || isLoopback(hostname)) return;
  throw new DeployError('config-unsafe', `${where}: ${endpoint} would send backups unencrypted`, {
    hint: 'use https://; plain http:// is for a server on this host',
  });
};

const s3Place = async (
  path: Path,
  given: S3Input,
  { resolver, variables }: World,
): Promise<Omit<CopyPlace & { type: 's3' }, 'keep'>> => {
  const url = await resolver.uri([...path, 'url'], 's3', { text: given.url });
  const { hosts, path: prefix } = checkUri('s3', url);
  const region = given.region ?? 'us-east-1';
  const value = async (key: 'access_key_id' | 'secret_access_key' | 'session_token', name: string) => {
    const reference: Reference | undefined = given[key];
    return reference === undefined ? variable(variables, name) : resolver.reference([...path, key], reference);
  };
  const needed = async (key: 'access_key_id' | 'secret_access_key', name: string): Promise<string> => {
    const found = await value(key, name);
    if (found !== null) return found;
    throw new DeployError('env-invalid', `${resolver.place(path)}: there is no ${key}, and ${name} is not set`, {
      hint: `set ${name} in .env or in the environment, or give ${key}: {env: NAME}`,
    });
  };
  const endpointPath = [...path, 'endpoint'];
  const endpoint =
    given.endpoint === undefined
      ? `https://s3.${region}.amazonaws.com`
      : (await resolver.uri(endpointPath, 'http', given.endpoint)).replace(/\/+$/, '');
  if (given.endpoint !== undefined) refusePlainHttp(resolver.place(endpointPath), endpoint);
  return {
    ...{ type: 's3', name: given.name, url: url.replace(/\/+$/, '') },
    ...{ endpoint, region, bucket: hosts[0] ?? '', prefix: prefix.replace(/^\/+|\/+$/g, '') },
    pathStyle: given.path_style ?? given.endpoint !== undefined,
    accessKeyId: await needed('access_key_id', 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: await needed('secret_access_key', 'AWS_SECRET_ACCESS_KEY'),
    sessionToken: await value('session_token', 'AWS_SESSION_TOKEN'),
  };
};

const isS3 = (given: CopyInput): given is S3Input => given.url.startsWith('s3://');

const hasRule = (given: CopyInput): boolean =>
  Object.entries(given).some(([key, value]) => key.startsWith('keep_') && value !== undefined);

/** The places for copies of backups. One that names no rule of its own keeps what is kept here. */
export const resolveCopies = async (
  backup: ConfigFile['backup'],
  keep: KeepPolicy,
  world: World,
): Promise<readonly CopyPlace[]> => {
  const places: CopyPlace[] = [];
  for (const [index, given] of (backup?.copies ?? []).entries()) {
    const path = ['backup', 'copies', index];
    const own = hasRule(given) ? resolveKeep(given) : keep;
    const place = isS3(given) ? await s3Place(path, given, world) : await sftpPlace(path, given, world);
    const same = places.find((each) => each.name === place.name || each.url === place.url);
    if (same !== undefined) {
      const what = same.name === place.name ? place.name : place.url;
      throw new DeployError('config-invalid', `${world.resolver.place(path)}: ${what} is there already`, {
        hint: 'each place has a name and a folder of its own',
      });
    }
    places.push({ ...place, keep: own });
  }
  return places;
};
