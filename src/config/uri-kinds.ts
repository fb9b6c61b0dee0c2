import { type ParsedUri, parseUri } from './uri.ts';

const HOST = /^(?:\[[0-9a-f:.%]+\]|[\p{L}\p{N}](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}.])?)$/iu;
const UNIX_SOCKET = /^%2f\S+\.sock$/i;

/** Splits `host:port`; null where it is neither that nor a host alone. */
export const splitHost = (text: string): { host: string; port: number | null } | null => {
  const { host = '', port } = /^(?<host>\[[^\]]*\]|[^:]*)(?::(?<port>.*))?$/.exec(text)?.groups ?? {};
  if (!HOST.test(host)) return null;
  if (port === undefined) return { host, port: null };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return number >= 1 && number <= 65_535 ? { host, port: number } : null;
};

const checkHosts = ({ hosts }: ParsedUri): void => {
  for (const each of hosts) {
    if (each === '') throw new Error(hosts.length === 1 ? 'it names no host' : 'it has an empty host in its list');
    if (splitHost(each) !== null) continue;
    throw new Error(`'${each}' is not a host with a port from 1 to 65535`);
  }
};

const single = (uri: ParsedUri): void => {
  if (uri.hosts.length > 1) throw new Error(`it names ${uri.hosts.length} hosts; one is meant`);
  checkHosts(uri);
};

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions: the stricter rules, those for Windows. */
const checkDatabaseName = (name: string): void => {
  const bad = /[/\\. "$*<>:|?]/.exec(name)?.[0];
  if (bad !== undefined) throw new Error(`the database name '${name}' has a '${bad}' in it`);
  if (Buffer.byteLength(name) > 63) throw new Error(`the database name '${name}' has more than 63 bytes`);
  if (['admin', 'local', 'config'].includes(name.toLowerCase())) {
    throw new Error(
      `'${name}' is MongoDB's own database: name the application's, and '?authSource=${name}' for the login`,
    );
  }
};

const checkMongo = (uri: ParsedUri): void => {
  if (uri.scheme === 'mongodb+srv') {
    single(uri);
    const [host = ''] = uri.hosts;
    if (host.includes(':')) throw new Error('mongodb+srv:// takes no port');
    if (host.split('.').length < 3)
      throw new Error(`mongodb+srv:// needs a full host name, and '${host}' has no domain`);
  } else {
    checkHosts({ ...uri, hosts: uri.hosts.filter((host) => !UNIX_SOCKET.test(host)) });
  }
  if (uri.path !== '') checkDatabaseName(uri.path);
  for (const option of uri.query.split('&')) {
    // Not shown: it may be the tail of a password that was not encoded.
    if (uri.query !== '' && !/^[^=]+=/.test(option))
      throw new Error('it has an option that is not of the form name=value');
  }
};

const checkRedis = (uri: ParsedUri): void => {
  single(uri);
  if (!/^\d{0,5}$/.test(uri.path)) throw new Error(`'${uri.path}' is not the number of a Redis database`);
};

const checkSftp = (uri: ParsedUri): void => {
  single(uri);
  if (!uri.username) throw new Error('it names no user');
  if (uri.password !== null) throw new Error('it has a password in it: SFTP is used with keys alone');
  if (uri.path === '' || uri.query !== '') throw new Error('it names no folder');
  if (uri.path.split('/').some((part) => part === '..' || part === '.')) throw new Error("it has a '.' or '..' in it");
};

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, as far as it keeps a name in its place. */
const checkS3 = (uri: ParsedUri): void => {
  const [bucket = ''] = uri.hosts;
  if (uri.username !== null) throw new Error('it has credentials in it: they are given apart');
  if (uri.hosts.length > 1 || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new Error(`'${uri.hosts.join(',')}' is not the name of a bucket`);
  }
  if (uri.query !== '') throw new Error('it has options, and takes none');
  if (!/^[\w./-]*$/.test(uri.path) || uri.path.split('/').some((part) => part === '..' || part === '.')) {
    throw new Error(`'${uri.path}' is not a prefix of letters, digits, _ . - and /`);
  }
};

/** What the tool talks to, with the schemes and rules of its URIs. */
const KINDS = {
  mongo: { schemes: ['mongodb', 'mongodb+srv'], example: 'mongodb://mongo:27017/kaleem', check: checkMongo },
  redis: { schemes: ['redis', 'rediss'], example: 'redis://redis:6379', check: checkRedis },
  rabbitmq: { schemes: ['amqp', 'amqps'], example: 'amqp://rabbitmq:5672', check: single },
  sftp: { schemes: ['sftp'], example: 'sftp://backup@host.example.com/srv/backups', check: checkSftp },
  s3: { schemes: ['s3'], example: 's3://bucket/prefix', check: checkS3 },
  http: { schemes: ['http', 'https'], example: 'http://localhost:3000/api/health', check: single },
} as const satisfies Record<string, { schemes: readonly string[]; example: string; check: (uri: ParsedUri) => void }>;

export type UriKind = keyof typeof KINDS;

export const exampleUri = (kind: UriKind): string => KINDS[kind].example;

/** Parses and checks a URI. Throws a plain Error that says what is wrong and has no secret in it. */
export const checkUri = (kind: UriKind, uri: string): ParsedUri => {
  const { schemes, check } = KINDS[kind];
  const parsed = parseUri(uri);
  if (!(schemes as readonly string[]).includes(parsed.scheme)) {
    throw new Error(
      `its scheme is '${parsed.scheme}://' and must be ${schemes.map((each) => `${each}://`).join(' or ')}`,
    );
  }
  check(parsed);
  return parsed;
};
