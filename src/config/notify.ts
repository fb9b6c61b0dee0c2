import { DeployError, messageOf } from '../errors.ts';
import { isLoopback } from './loopback.ts';
import type { Notifier, NotifierTarget } from './notifier.ts';
import type { Resolver } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import { DEFAULT_EVENTS, type EmailInput, type NotifierInput } from './schema-notify.ts';
import type { Reference } from './schema-values.ts';
import type { Path } from './source.ts';
import { checkUri } from './uri-kinds.ts';

const TELEGRAM: Reference = { text: 'https://api.telegram.org' };
const PORTS = { starttls: 587, tls: 465, none: 25 } as const;

/** A URL that may be a secret as a whole: it is in no message. What is sent is for nobody on the way. */
const secretUrl = async (path: Path, from: Reference, resolver: Resolver): Promise<string> => {
  const value = await resolver.reference(path, from);
  const where = resolver.place(path);
  let url: URL;
  try {
    checkUri('http', value);
    url = new URL(value);
  } catch (error) {
    throw new DeployError('uri-invalid', `${where}: what it refers to is no URL: ${messageOf(error)}`);
  }
  const { protocol, hostname } = url;
  if (protocol === 'https:' || isLoopback(hostname)) return value;
  throw new DeployError('config-unsafe', `${where}: http:// is for servers on this host; use https://`);
};

const tlsOf = ({ tls, host, port }: EmailInput): 'starttls' | 'tls' | 'none' => {
  if (tls !== undefined) return tls;
  if (port === PORTS.tls) return 'tls';
  return isLoopback(host) ? 'none' : 'starttls';
};

const emailTarget = async (path: Path, given: EmailInput, resolver: Resolver): Promise<NotifierTarget> => {
  const { host, port, username, password, from, to } = given;
  const tls = tlsOf(given);
  const login =
    username === undefined || password === undefined
      ? null
      : {
          username: await resolver.reference([...path, 'username'], username),
          password: await resolver.reference([...path, 'password'], password),
        };
  return { type: 'email', host: host.replace(/^\[|\]$/g, ''), port: port ?? PORTS[tls], tls, login, from, to };
};

const targetOf = async (path: Path, given: NotifierInput, resolver: Resolver): Promise<NotifierTarget> => {
  const url = (key: string, from: Reference): Promise<string> => secretUrl([...path, key], from, resolver);
  const secret = (key: string, from: Reference): Promise<string> => resolver.reference([...path, key], from);
  switch (given.type) {
    case 'webhook':
      return { type: 'webhook', url: await url('url', given.url), secret: await secret('secret', given.secret) };
    case 'slack':
    case 'teams':
    case 'discord':
      return { type: given.type, url: await url('url', given.url) };
    case 'telegram': {
      const api = (await url('api', given.api ?? TELEGRAM)).replace(/\/+$/, '');
      return { type: 'telegram', api, token: await secret('token', given.token), chat: given.chat };
    }
    case 'email':
      return emailTarget(path, given, resolver);
    case 'healthchecks':
      return { type: 'healthchecks', url: await url('url', given.url), jobs: given.for };
  }
};

/** What is wrong in the file itself, whatever it refers to. */
const refuseMistakes = (path: Path, given: NotifierInput, { place }: Resolver): void => {
  if (given.type !== 'email') return;
  if ((given.username === undefined) !== (given.password === undefined)) {
    throw new DeployError('config-invalid', `${place(path)}: username and password belong together`);
  }
  if (tlsOf(given) !== 'none' || isLoopback(given.host)) return;
  throw new DeployError(
    'config-unsafe',
    `${place([...path, 'tls'])}: mail to ${given.host} would be sent in the clear`,
    {
      hint: 'use starttls or tls; none is for a mail server on this host',
    },
  );
};

/**
 * The notifiers of the file. One whose secret is missing, or is no URL where it must be one, has a problem instead of a target:
 * no deploy is refused for want of somebody to tell.
 *
 * @throws DeployError 'config-invalid', 'config-unsafe' for what is wrong in the file itself
 */
export const resolveNotify = async (
  file: ConfigFile['notify'] = [],
  resolver: Resolver,
): Promise<readonly Notifier[]> => {
  const notifiers: Notifier[] = [];
  for (const [index, given] of file.entries()) {
    const path = ['notify', index];
    const { name, type } = given;
    if (notifiers.some((each) => each.name === name)) {
      throw new DeployError('config-invalid', `${resolver.place([...path, 'name'])}: ${name} is there already`);
    }
    refuseMistakes(path, given, resolver);
    const events = given.type === 'healthchecks' ? [] : (given.events ?? DEFAULT_EVENTS);
    const found = await targetOf(path, given, resolver).then(
      (target) => ({ target, problem: null }),
      (error: unknown) => {
        if (error instanceof DeployError) return { target: null, problem: error.message };
        throw error;
      },
    );
    notifiers.push({ name, type, events, ...found });
  }
  return notifiers;
};

export const notifyWarnings = (notifiers: readonly Notifier[]): readonly string[] =>
  notifiers.flatMap(({ name, problem }) => (problem === null ? [] : [`notifier ${name} is told nothing: ${problem}`]));
