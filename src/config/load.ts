import { DeployError } from '../errors.ts';
import { resolveAgent } from './agent.ts';
import { resolveCompose } from './compose.ts';
import type { Config } from './config.ts';
import { resolveCopies } from './copies.ts';
import { resolveEncryption } from './encryption.ts';
import type { Variables } from './env-load.ts';
import { resolveGates } from './gates.ts';
import { resolveHosts } from './hosts.ts';
import { attemptsFrom, variable } from './known-variables.ts';
import { findConfig } from './locate.ts';
import { notifyWarnings, resolveNotify } from './notify.ts';
import { validate } from './problems.ts';
import { createResolver } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import {
  resolveDatabase,
  resolveDirectories,
  resolveHooks,
  resolveInit,
  resolveKeep,
  resolveRegistries,
} from './sections.ts';
import { readSource } from './source.ts';

const DEFAULT_IMAGE = 'KALEEM_API_IMAGE';

export interface LoadInput {
  /** Absolute. */
  readonly cwd: string;
  /** The process environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From `--config`; relative to `cwd`. */
  readonly configPath: string | null;
  /** From `--destination`. */
  readonly destination: string | null;
}

const healthWarnings = ({ after }: Config['gates']): readonly string[] =>
  after.some(({ type }) => ['http', 'webhook', 'page', 'command'].includes(type))
    ? []
    : [
        'HEALTH_URL is not set and no gate asks the application: only containers and servers decide whether a deploy is healthy',
      ];

const requireImage = (variables: Variables, file: ConfigFile, envFile: string): void => {
  if (file.images !== undefined || variable(variables, DEFAULT_IMAGE) !== null) return;
  throw new DeployError('env-invalid', `${DEFAULT_IMAGE} is not set: it says which image a deploy pulls`, {
    hint: `write ${DEFAULT_IMAGE}=ghcr.io/owner/repo/kaleem-api:v0.0.1 into ${envFile}, or list other variables under \`images:\` in kaleem-deploy.yml`,
  });
};

/**
 * Loads the configuration: `kaleem-deploy.yml` and its overlay where they exist, over the environment, over `.env`, over
 * defaults. Reads only.
 * @throws DeployError 'config-invalid', 'config-unsafe', 'env-invalid', 'uri-invalid'; messages name file, line and key
 */
export const loadConfig = async (input: LoadInput): Promise<Config> => {
  const { cwd, environment, destination } = input;
  const found = await findConfig(input);
  const base = found.directory;
  const source = await readSource(found.files, cwd);
  const file = validate(source);
  const images = file.images ?? [DEFAULT_IMAGE];

  const { compose, variables, warnings } = await resolveCompose({
    ...{ file: file.compose, source, directory: base, cwd, environment, images },
  });
  requireImage(variables, file, compose.envFile);
  const resolver = createResolver(source, variables, base);
  const fromVariables = attemptsFrom(variables);
  const attempts = {
    attempts: file.gates?.defaults?.attempts ?? fromVariables.attempts,
    intervalMs: file.gates?.defaults?.interval ?? fromVariables.intervalMs,
  };
  const gates = await resolveGates(file.gates, variables, attempts, resolver);
  const database = await resolveDatabase(file.database, { resolver, variables, envFile: compose.envFile });
  const directories = resolveDirectories(file, { base, compose: compose.directory, destination, resolver });
  const keep = resolveKeep(file.backup);
  const notify = await resolveNotify(file.notify, resolver);
  const services = (names: readonly string[] | 'none' | undefined) => (names === 'none' ? [] : (names ?? null));

  return {
    app: file.app ?? null,
    destination,
    configFiles: found.files,
    compose,
    environment: Object.fromEntries(variables.values),
    images,
    required: file.required ?? [],
    order: file.order ?? null,
    writers: services(file.writers),
    edge: services(file.edge),
    fence: {
      mode: file.fence?.mode ?? 'auto',
      retryAfterSeconds: Math.ceil((file.fence?.retry_after ?? 5_000) / 1000),
    },
    gates,
    attempts,
    stabilityMs: file.stability ?? 3_000,
    init: (file.init ?? []).map(resolveInit),
    hooks: resolveHooks(file.hooks, base),
    database,
    backup: {
      directory: directories.backupDirectory,
      keep,
      compression: file.backup?.compression ?? 6,
      beforeDeploy: file.backup?.before_deploy ?? 'auto',
      encryption: await resolveEncryption(file.backup, { base, resolver }),
      copies: await resolveCopies(file.backup, keep, { resolver, variables, base }),
    },
    keepReleases: file.keep_releases ?? 5,
    stateDirectory: directories.stateDirectory,
    registries: await resolveRegistries(file.registries, resolver),
    notify,
    secrets: (file.secrets ?? []).flatMap((name) => variable(variables, name) ?? []),
    agent: await resolveAgent(file.agent, { resolver, hasDatabase: database !== null }),
    hosts: resolveHosts(file.hosts, { base, home: variable(variables, 'HOME') }),
    warnings: [...warnings, ...healthWarnings(gates), ...notifyWarnings(notify)],
  };
};
