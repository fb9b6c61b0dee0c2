import { isAbsolute, join, relative, resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import type { Config, DatabaseConfig, Hook, HookName, InitSpec, KeepPolicy, RegistryCredentials } from './config.ts';
import type { Variables } from './env-load.ts';
import { uriVariable } from './known-variables.ts';
import type { Resolver } from './resolver.ts';
import type { ConfigFile, InitInput } from './schema.ts';
import type { keepRules } from './schema-copies.ts';
import { checkUri } from './uri-kinds.ts';

const HOOK_TIMEOUT_MS = 10 * 60_000;

/** The database that is backed up; null only for `database: none`. */
export const resolveDatabase = async (
  file: ConfigFile['database'],
  { resolver, variables, envFile }: { resolver: Resolver; variables: Variables; envFile: string },
): Promise<DatabaseConfig | null> => {
  if (file === 'none') return null;
  const uri =
    file === undefined
      ? uriVariable(variables, 'MONGODB_URI', 'mongo')
      : await resolver.uri(['database', 'uri'], 'mongo', file.uri);
  if (uri !== null) return { uri, name: checkUri('mongo', uri).path || null };
  throw new DeployError('env-invalid', 'MONGODB_URI is not set: without it no deploy can be undone', {
    hint: `write MONGODB_URI=mongodb://mongo:27017/kaleem into ${envFile}, or \`database: none\` into kaleem-deploy.yml`,
  });
};

/** Fills in what an init step leaves out. */
export const resolveInit = ({ type, value }: InitInput): InitSpec => {
  switch (type) {
    case 'mongo-replica-set': {
      const service = value['mongo-replica-set'];
      return { type, service, name: value.name ?? 'rs0', host: value.host ?? `${service}:27017` };
    }
    case 'redis-cluster':
      return { type, service: value['redis-cluster'], nodes: value.nodes, replicas: value.replicas ?? 0 };
    case 'qdrant-collection': {
      const { collection, size, distance = 'Cosine' } = value;
      return { type, service: value['qdrant-collection'], collection, size, distance };
    }
    case 'rabbitmq-queue':
      return { type, service: value['rabbitmq-queue'], queue: value.queue, durable: value.durable ?? true };
    case 'nginx-reload':
      return { type, service: value['nginx-reload'] };
    case 'command':
      return { type, service: value.service, argv: value.command };
  }
};

/** A program with a slash in its name stands beside the configuration file; any other is looked up on PATH. */
export const resolveHooks = (file: ConfigFile['hooks'], directory: string): Config['hooks'] =>
  Object.fromEntries(
    Object.entries(file ?? {}).flatMap(([name, hook]): readonly [HookName, Hook][] => {
      if (hook === undefined) return [];
      const [program = '', ...rest] = hook.run;
      const onHost = hook.service === undefined && program.includes('/') ? resolve(directory, program) : program;
      const { service = null, timeout: timeoutMs = HOOK_TIMEOUT_MS } = hook;
      return [[name as HookName, { argv: [onHost, ...rest], service, timeoutMs }]];
    }),
  );

/** Credentials with their passwords read from where the file says they are. */
export const resolveRegistries = async (
  registries: ConfigFile['registries'] = [],
  resolver: Resolver,
): Promise<readonly RegistryCredentials[]> => {
  const resolved: RegistryCredentials[] = [];
  for (const [index, { server, username, password }] of registries.entries()) {
    const path = ['registries', index];
    if (resolved.some((each) => each.server === server)) {
      throw new DeployError('config-invalid', `${resolver.place([...path, 'server'])}: ${server} is there already`);
    }
    resolved.push({ server, username, password: await resolver.reference([...path, 'password'], password) });
  }
  return resolved;
};

const isInside = (path: string, directory: string): boolean => {
  const from = relative(directory, path);
  return from === '' || (!from.startsWith('..') && !isAbsolute(from));
};

/** Where state and backups go. Two destinations beside one compose file have their own of each. */
export const resolveDirectories = (
  file: ConfigFile,
  {
    base,
    compose,
    destination,
    resolver,
  }: { base: string; compose: string; destination: string | null; resolver: Resolver },
) => {
  const state = file.state_directory;
  const backup = file.backup?.directory;
  const stateDirectory =
    state === undefined
      ? join(compose, destination === null ? '.kaleem' : `.kaleem-${destination}`)
      : resolve(base, state);
  const backupDirectory = backup === undefined ? join(compose, 'backups', destination ?? '') : resolve(base, backup);
  if (isInside(stateDirectory, backupDirectory) || isInside(backupDirectory, stateDirectory)) {
    const path = state === undefined ? ['backup', 'directory'] : ['state_directory'];
    throw new DeployError(
      'config-invalid',
      `${resolver.place(path)}: the state directory ${stateDirectory} and the backup directory ${backupDirectory} overlap`,
      { hint: 'choose two folders that are not within each other' },
    );
  }
  return { stateDirectory, backupDirectory: backupDirectory.replace(/\/$/, '') };
};

const KEEP_LAST = 7;

type KeepInput = Pick<NonNullable<ConfigFile['backup']>, keyof typeof keepRules>;

/** Who names no rule keeps the last seven; who names one keeps what it says. */
export const resolveKeep = (file: KeepInput = {}): KeepPolicy => {
  const rules = {
    ...{ hourly: file.keep_hourly ?? 0, daily: file.keep_daily ?? 0, weekly: file.keep_weekly ?? 0 },
    ...{ monthly: file.keep_monthly ?? 0, yearly: file.keep_yearly ?? 0, within: file.keep_within ?? null },
  };
  const none = Object.values(rules).every((rule) => rule === 0 || rule === null);
  return { last: file.keep_last ?? (none ? KEEP_LAST : 0), ...rules };
};
