import type { Config, CopyPlace, GateSpec } from './config.ts';
import type { Notifier } from './notifier.ts';
import { parseUri } from './uri.ts';

const SECRET_NAME =
  /(?:^|_)(?:PASSWORD|PASSWD|PASS|PWD|PASSPHRASE|SECRET|SECRETS|TOKEN|APIKEY|KEY|CREDENTIALS?|PRIVATE|SALT|DSN)(?:_|$)/i;
/** These end the names of variables that say where a secret is, or something about it, not what it is. */
const HARMLESS_NAME =
  /(?:^(?:PWD|OLDPWD)$|_(?:FILE|PATH|DIR|NAME|TTL|EXPIRY|EXPIRES|EXPIRES_IN|LENGTH|ALGORITHM|URL|HOST|PORT)$)/i;
/** Masking these would garble every line of output and hide nothing. */
const HARMLESS_VALUE = /^(?:true|false|none|null|yes|no|on|off|\d{1,5})$/i;
const SHORTEST = 4;

const SECRET_HEADER = /^(?:authorization|proxy-authorization|cookie|.*(?:token|key|secret|password).*)$/i;

const isSecretVariable = (name: string, value: string): boolean =>
  SECRET_NAME.test(name) && !HARMLESS_NAME.test(name) && !HARMLESS_VALUE.test(value);

/** Passwords of a URI, as written and decoded, and secret options; none where it is no URI. */
const passwordsOf = (uri: string): readonly string[] => {
  if (!uri.includes('://')) return [];
  try {
    const { password, encodedPassword, query } = parseUri(uri);
    const options = [...new URLSearchParams(query)].filter(([name]) => /password|secret|token|key/i.test(name));
    return [password ?? '', encodedPassword ?? '', ...options.map(([, value]) => value)];
  } catch {
    // Ours are valid; others' (an SMTP URL in the environment) may not be, and their password is no less secret.
    return [/^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:(?<password>.+)@/is.exec(uri)?.groups?.password ?? ''];
  }
};

const gateSecrets = (spec: GateSpec): readonly string[] => {
  switch (spec.type) {
    case 'http':
    case 'webhook': {
      const headers = Object.entries(spec.requestHeaders).filter(([name]) => SECRET_HEADER.test(name));
      // `Bearer x`: the scheme is no secret, and a redacted `x` covers both.
      const values = headers.flatMap(([, value]) => [value, value.replace(/^\S+ /, '')]);
      return [...passwordsOf(spec.url), ...values];
    }
    case 'page':
      return passwordsOf(spec.url);
    case 'mongo':
    case 'redis':
    case 'rabbitmq':
      return passwordsOf(spec.uri);
    case 'qdrant':
      return [...passwordsOf(spec.url), spec.apiKey ?? ''];
    case 'tcp':
    case 'container':
    case 'command':
      return [];
  }
};

const copySecrets = (place: CopyPlace): readonly string[] =>
  place.type === 'sftp' ? [place.passphrase ?? ''] : [place.secretAccessKey, place.sessionToken ?? ''];

/** Of a URL that is a secret as a whole, what says the secret on its own too: errors and servers repeat parts of it. */
const urlSecrets = (url: string): readonly string[] => {
  const { pathname, search, searchParams } = new URL(url);
  const parts = [...pathname.split('/'), ...[...searchParams].map(([, value]) => value)];
  // A word is none: it would garble what has it by chance.
  const telling = parts.filter((part) => part.length >= 16 && /\d/.test(part));
  return [url, `${pathname}${search}`, ...telling, ...passwordsOf(url)].filter((part) => part.length >= 8);
};

const notifierSecrets = ({ target }: Notifier): readonly string[] => {
  switch (target?.type) {
    case 'webhook':
      return [...urlSecrets(target.url), target.secret];
    case 'slack':
    case 'teams':
    case 'discord':
    case 'healthchecks':
      return urlSecrets(target.url);
    case 'telegram':
      return [target.token];
    case 'email':
      return [target.login?.password ?? ''];
    case undefined:
      return [];
  }
};

/**
 * Every value that must never be shown: passwords in URIs (as written and decoded), credentials of registries, gates
 * and notifiers, variables listed under `secrets`, and those whose names say so (..._PASSWORD, ..._TOKEN, ...).
 */
export const collectSecrets = (config: Config): readonly string[] => {
  const variables = Object.entries(config.environment);
  const values = [
    ...config.secrets,
    ...config.registries.map(({ password }) => password),
    ...config.backup.copies.flatMap(copySecrets),
    ...config.notify.flatMap(notifierSecrets),
    ...passwordsOf(config.database?.uri ?? ''),
    ...[...config.gates.before, ...config.gates.after].flatMap(gateSecrets),
    ...variables.filter(([name, value]) => isSecretVariable(name, value)).map(([, value]) => value),
    ...variables.flatMap(([, value]) => passwordsOf(value)),
  ];
  return [...new Set(values.filter((value) => value.length >= SHORTEST && !HARMLESS_VALUE.test(value)))];
};
