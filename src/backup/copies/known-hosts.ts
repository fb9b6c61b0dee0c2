import { createHash, createHmac } from 'node:crypto';

/** One line of a known_hosts file: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
interface KnownKey {
  readonly marker: string | null;
  readonly hosts: string;
  readonly type: string;
  readonly key: string;
}

const parseLine = (line: string): readonly KnownKey[] => {
  const words = line.trim().split(/[ \t]+/);
  const marker = words[0]?.startsWith('@') ? (words.shift() ?? null) : null;
  const [hosts = '', type = '', key = ''] = words;
  return hosts === '' || hosts.startsWith('#') || key === '' ? [] : [{ marker, hosts, type, key }];
};

/** `host`, or `[host]:port` where the port is not SSH's own. */
export const hostPattern = (host: string, port: number): string => (port === 22 ? host : `[${host}]:${port}`);

const asPattern = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  );

const isHashOf = (pattern: string, name: string): boolean => {
  const [, , salt = '', hash = ''] = pattern.split('|');
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name.toLowerCase()).digest('base64') === hash;
};

const matches = ({ hosts }: KnownKey, name: string): boolean => {
  if (hosts.startsWith('|1|')) return isHashOf(hosts, name);
  const patterns = hosts.split(',');
  const fits = (pattern: string): boolean => asPattern(pattern).test(name);
  if (patterns.some((each) => each.startsWith('!') && fits(each.slice(1)))) return false;
  return patterns.some((each) => !each.startsWith('!') && fits(each));
};

export type Verdict = 'known' | 'unknown' | 'changed' | 'revoked';

export interface KnownHost {
  /** Types of the keys that are known of it, to ask the server for one of these. */
  readonly types: readonly string[];
  judge(key: Buffer): Verdict;
}

/** The type that a public key names itself by (RFC 4253, 6.6). */
export const keyType = (key: Buffer): string => key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');

/** As `ssh-keygen -l` shows it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** What the text of a known_hosts file says of a host. Certificate authorities are not looked at. */
export const findKnownHost = (text: string, host: string, port: number): KnownHost => {
  const name = hostPattern(host, port);
  const lines = text
    .split('\n')
    .flatMap(parseLine)
    .filter((each) => matches(each, name));
  const plain = lines.filter(({ marker }) => marker === null);
  return {
    types: [...new Set(plain.map(({ type }) => type))],
    judge(key) {
      const encoded = key.toString('base64');
      if (lines.some((each) => each.marker === '@revoked' && each.key === encoded)) return 'revoked';
      if (plain.some((each) => each.key === encoded)) return 'known';
      return plain.length === 0 ? 'unknown' : 'changed';
    },
  };
};
