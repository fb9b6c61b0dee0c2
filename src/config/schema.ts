import type { z } from 'zod';
import { agent } from './schema-agent.ts';
import { copyPlace, keepRules } from './schema-copies.ts';
import { gates } from './schema-gates.ts';
import { hosts } from './schema-hosts.ts';
import { notifier } from './schema-notify.ts';
import { chosen, orNone, tagged } from './schema-tagged.ts';
import {
  argv,
  duration,
  flag,
  label,
  list,
  matching,
  oneOf,
  oneOrMore,
  path,
  profileName,
  projectName,
  reference,
  secretReference,
  serviceName,
  strict,
  text,
  variableName,
  wholeNumber,
} from './schema-values.ts';
import { isYamlMap } from './source.ts';

const name = (what: string) => matching(what, /^[\w.-]{1,200}$/);
const nodes = matching('host:port', /^[\w.-]+:\d{1,5}$/);
const distance = oneOf(['Cosine', 'Dot', 'Euclid', 'Manhattan']);

const init = tagged({
  'mongo-replica-set': strict({
    'mongo-replica-set': serviceName,
    name: name('the name of a replica set').optional(),
    host: nodes.optional(),
  }),
  'redis-cluster': strict({
    'redis-cluster': serviceName,
    nodes: list(nodes, 'nodes (host:port)').min(3, { error: 'a list of at least 3 nodes (host:port)' }),
    replicas: wholeNumber(0, 10).optional(),
  }),
  'qdrant-collection': strict({
    'qdrant-collection': serviceName,
    collection: name('the name of a collection'),
    size: wholeNumber(1, 65_536),
    distance: distance.optional(),
  }),
  'rabbitmq-queue': strict({
    'rabbitmq-queue': serviceName,
    queue: name('the name of a queue'),
    durable: flag.optional(),
  }),
  'nginx-reload': strict({ 'nginx-reload': serviceName }),
  command: strict({ command: argv, service: serviceName }),
});
export type InitInput = z.output<typeof init>;

const longHook = strict({ run: argv, service: serviceName.optional(), timeout: duration('1s', '24h').optional() });
type HookInput = z.output<typeof longHook>;
/** A list is the command itself. */
const shortHook = argv.transform((run): HookInput => ({ run }));
const hook = chosen<z.ZodType<HookInput>>((input) => (isYamlMap(input) ? longHook : shortHook));

const registry = strict({
  server: matching(
    'the host of a registry, such as ghcr.io',
    /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?$/,
  ),
  username: label,
  password: secretReference,
});

/** `kaleem-deploy.yml`. docs/configuration.md says what each key means. */
export const configFile = strict({
  app: name('a name').optional(),
  compose: strict({
    files: oneOrMore(path, 'compose files').optional(),
    project: projectName.optional(),
    profiles: list(profileName, 'profiles').optional(),
    directory: path.optional(),
    env_file: oneOrMore(path, 'env files').optional(),
  }).optional(),
  images: oneOrMore(variableName, 'variables').optional(),
  required: list(variableName, 'variables').optional(),
  order: list(serviceName, 'services').min(1, { error: 'a list of services' }).optional(),
  writers: orNone(oneOrMore(serviceName, 'services')).optional(),
  edge: orNone(oneOrMore(serviceName, 'services')).optional(),
  fence: strict({
    mode: oneOf(['auto', 'firewall', 'stop']).optional(),
    retry_after: duration('1s', '1h').optional(),
  }).optional(),
  gates: gates.optional(),
  stability: duration('0s', '1h').optional(),
  init: list(init, 'init steps').optional(),
  hooks: strict({
    'pre-deploy': hook.optional(),
    'post-backup': hook.optional(),
    migrate: hook.optional(),
    'post-deploy': hook.optional(),
    failed: hook.optional(),
  }).optional(),
  database: orNone(strict({ uri: reference('a MongoDB URI') })).optional(),
  backup: strict({
    directory: path.optional(),
    ...keepRules,
    compression: wholeNumber(1, 9).optional(),
    before_deploy: oneOf(['archive', 'volume', 'auto']).optional(),
    encryption: strict({
      recipients: oneOrMore(text, 'age recipients').optional(),
      recipients_file: path.optional(),
      identity_file: path.optional(),
    }).optional(),
    copies: list(copyPlace, 'places').optional(),
  }).optional(),
  keep_releases: wholeNumber(1, 1000).optional(),
  state_directory: path.optional(),
  registries: list(registry, 'registries').optional(),
  notify: list(notifier, 'notifiers').optional(),
  secrets: list(variableName, 'variables').optional(),
  hosts: hosts.optional(),
  agent: agent.optional(),
});

export type ConfigFile = z.output<typeof configFile>;
