import { createRedactor } from '../system/redact.ts';
import { redactValues } from '../system/redact-values.ts';
import type { Config, CopyPlace, GateSpec } from './config.ts';
import type { NotifierTarget } from './notifier.ts';
import { collectSecrets } from './secrets.ts';
import { maskUri } from './uri.ts';

const MASK = '***';

const maskGate = (spec: GateSpec): unknown => {
  switch (spec.type) {
    case 'http':
    case 'webhook':
    case 'page':
      return { ...spec, url: maskUri(spec.url) };
    case 'mongo':
    case 'redis':
    case 'rabbitmq':
      return { ...spec, uri: maskUri(spec.uri) };
    case 'qdrant':
      return { ...spec, url: maskUri(spec.url), apiKey: spec.apiKey === null ? null : MASK };
    case 'tcp':
    case 'container':
    case 'command':
      return spec;
  }
};

const maskOrNull = (secret: string | null): string | null => (secret === null ? null : MASK);

const maskCopy = (place: CopyPlace): unknown =>
  place.type === 'sftp'
    ? { ...place, passphrase: maskOrNull(place.passphrase) }
    : { ...place, secretAccessKey: MASK, sessionToken: maskOrNull(place.sessionToken) };

const maskTarget = (target: NotifierTarget): unknown => {
  switch (target.type) {
    case 'webhook':
      return { ...target, url: MASK, secret: MASK };
    case 'slack':
    case 'teams':
    case 'discord':
    case 'healthchecks':
      return { ...target, url: MASK };
    case 'telegram':
      return { ...target, token: MASK };
    case 'email':
      return { ...target, login: target.login === null ? null : { ...target.login, password: MASK } };
  }
};

/**
 * The configuration as the `config` verb prints it: plain JSON data in the shape of `Config`, secrets masked. Of the
 * environment only the variables that the configuration names are there: the rest is not ours to print.
 */
export const maskedConfig = (config: Config): Readonly<Record<string, unknown>> => {
  const redactor = createRedactor();
  for (const secret of collectSecrets(config)) redactor.add(secret);
  const named = [...new Set([...config.images, ...config.required])];
  const { environment, secrets, registries, notify, database, gates, ...rest } = config;
  const shown = {
    ...rest,
    environment: Object.fromEntries(named.map((name) => [name, environment[name] ?? null])),
    gates: { before: gates.before.map(maskGate), after: gates.after.map(maskGate) },
    database: database === null ? null : { ...database, uri: maskUri(database.uri) },
    registries: registries.map((each) => ({ ...each, password: MASK })),
    notify: notify.map((each) => ({ ...each, target: each.target === null ? null : maskTarget(each.target) })),
    backup: { ...config.backup, copies: config.backup.copies.map(maskCopy) },
    secrets: secrets.map(() => MASK),
  };
  return redactValues(shown, redactor) as Readonly<Record<string, unknown>>;
};
