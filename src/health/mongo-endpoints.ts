import type { Reached } from '../compose/address.ts';
import { tlsIdentity } from './tls-identity.ts';

/** One way to connect: a URI and the driver options that go with it. */
export interface MongoEndpoint {
  readonly uri: string;
  /** Driver options that keep the certificate check for the name in the user's URI. */
  readonly tls: Partial<ReturnType<typeof tlsIdentity>>;
}

const MONGODB_URI = /^mongodb:\/\/(?:([^/@]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const DEFAULT_PORT = 27017;

/**
 * The URI as it is when none of its hosts has to be reached at another address (the driver then finds the primary by
 * itself), else one direct connection for each host: a replica set announces names that only its own network resolves.
 */
export const mongoEndpoints = async (
  uri: string,
  reach: (target: { host: string; port: number }) => Promise<Reached>,
): Promise<readonly MongoEndpoint[]> => {
  const parts = MONGODB_URI.exec(uri);
  if (parts === null) return [{ uri, tls: {} }];
  const [, credentials, hosts = '', path = '', query = ''] = parts;
  const targets = hosts.split(',').map(parseHost);
  const reached = await Promise.all(targets.map(async (target) => ({ target, at: await reach(target) })));
  if (reached.every(({ at }) => at.via === 'as-given')) return [{ uri, tls: {} }];
  const options = new URLSearchParams(query);
  const wanted = direct(options);
  return reached.map(({ target, at }) => ({
    uri: `mongodb://${credentials === undefined ? '' : `${credentials}@`}${hostPort(at)}/${path}?${wanted}`,
    tls: usesTls(options) && !skipsNames(options) ? tlsIdentity(target.host) : {},
  }));
};

/** `host`, `host:port`, `[::1]:port`. */
const parseHost = (text: string): { host: string; port: number } => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  return { host: bracketed ?? plain ?? text, port: port === undefined ? DEFAULT_PORT : Number(port) };
};

const hostPort = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const direct = (options: URLSearchParams): string => {
  const kept = [...options].filter(([name]) => !/^(replicaSet|directConnection)$/i.test(name));
  return new URLSearchParams([...kept, ['directConnection', 'true']]).toString();
};

const isTrue = (options: URLSearchParams, names: RegExp): boolean =>
  [...options].some(([name, value]) => names.test(name) && value === 'true');

const usesTls = (options: URLSearchParams): boolean => isTrue(options, /^(tls|ssl)$/i);
const skipsNames = (options: URLSearchParams): boolean => isTrue(options, /^(tlsInsecure|tlsAllowInvalidHostnames)$/i);
