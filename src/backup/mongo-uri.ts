import type { Reached } from '../compose/address.ts';
import { DeployError } from '../errors.ts';

export interface RewrittenUri {
  readonly uri: string;
  /** The same URI for each further host, where several were replaced: try them until one takes writes. Secret too. */
  readonly others: readonly string[];
  /** The host certificates are issued for, when another one is dialled in its place and TLS is on. */
  readonly tlsServerName: string | null;
  /** Which host is reached how, for a person. */
  readonly notes: readonly string[];
}

interface Host {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 27017;

/** The URI with its password hidden, safe to show. */
export const maskUri = (uri: string): string => uri.replace(/^([a-z+]+:\/\/[^:@/]*):.*@/i, '$1:***@');

const invalid = (uri: string, problem: string): DeployError =>
  new DeployError('uri-invalid', `${maskUri(uri)}: ${problem}`, {
    hint: 'a MongoDB URI looks like mongodb://user:password@host:27017/database; special characters in the password are percent-encoded',
  });

const parseHost = (uri: string, text: string): Host => {
  const match = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw invalid(uri, `${JSON.stringify(text)} is not a host`);
  const port = match[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (port < 1 || port > 65535) throw invalid(uri, `${port} is not a port`);
  return { host: (match[1] as string).replace(/^\[|\]$/g, ''), port };
};

const hostText = ({ host, port }: Host): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A replaced host is dialled alone: what the replica set says about its members only means something inside. */
const directQuery = (query: string): string => {
  const kept = query
    .split('&')
    .filter((pair) => pair !== '' && !/^(replicaSet|directConnection|loadBalanced)=/i.test(pair));
  return [...kept, 'directConnection=true'].join('&');
};

/**
 * Replaces each host of a MongoDB URI by where `reach` says it can be dialled from here. `mongodb+srv:` URIs and unix
 * sockets are left alone. When any host was replaced, replica set discovery is off (`directConnection=true`), and a
 * URI per host is given. Credentials and options stay as they were. `uri-invalid` never shows the password.
 */
export const rewriteMongoUri = async (
  uri: string,
  reach: (host: string, port: number) => Promise<Reached>,
): Promise<RewrittenUri> => {
  const unchanged: RewrittenUri = { uri, others: [], tlsServerName: null, notes: [] };
  if (/^mongodb\+srv:\/\//i.test(uri)) return unchanged;
  const match = /^(mongodb:\/\/)(?:([^@/]*(?:@[^@/]*)*)@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/i.exec(uri);
  if (match === null) throw invalid(uri, 'this is not a MongoDB URI');
  const [, scheme, credentials, hostList = '', path = '', query = ''] = match;
  if (credentials !== undefined && /[@/]/.test(credentials)) {
    throw invalid(uri, 'an @ or / in the user name or password must be percent-encoded');
  }
  if (/%2f/i.test(hostList)) return unchanged;
  const hosts = hostList.split(',').map((text) => parseHost(uri, text));
  const reached = await Promise.all(hosts.map(({ host, port }) => reach(host, port)));
  if (reached.every((each) => each.via === 'as-given')) return unchanged;
  const start = `${scheme}${credentials === undefined ? '' : `${credentials}@`}`;
  const end = `/${path}?${directQuery(query)}`;
  const [first, ...others] = reached.map((each) => `${start}${hostText(each)}${end}`);
  return {
    uri: first as string,
    others,
    tlsServerName: /(^|&)(tls|ssl)=true(&|$)/i.test(query) ? (hosts[0]?.host ?? null) : null,
    notes: hosts.map((host, index) => describe(host, reached[index] as Reached)),
  };
};

const describe = (host: Host, reached: Reached): string => {
  const service = reached.service === null ? '' : ` (service ${reached.service})`;
  return reached.via === 'as-given'
    ? `${hostText(host)} is dialled as it stands`
    : `${hostText(host)}${service} is dialled at ${hostText(reached)}, its ${reached.via === 'published-port' ? 'published port' : "container's address"}`;
};
