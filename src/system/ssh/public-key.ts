import { createHash } from 'node:crypto';

/** What known_hosts calls a host: `host`, or `[host]:port` where the port is not SSH's own. */
export const knownName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/** The type that a public key names itself by (RFC 4253, 6.6). */
export const keyType = (key: Buffer): string => key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');

/** As `ssh-keygen -l` shows it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** `ssh-ed25519 SHA256:...` */
export const shownKey = (key: Buffer): string => `${keyType(key)} ${fingerprint(key)}`;

/** Signature algorithms by the type of key, the best first; those of RSA have names of their own (RFC 8332), and SHA-1 is none. */
const ALGORITHMS = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
} as const;

type Algorithm = (typeof ALGORITHMS)[keyof typeof ALGORITHMS][number];

/** What to ask a server for: first the types that are known of it, or it would show another key that is not. */
export const hostKeyAlgorithms = (known: readonly string[]): Algorithm[] => {
  const all = Object.entries(ALGORITHMS);
  const isKnown = ([type]: (typeof all)[number]): boolean => known.includes(type);
  return [...all.filter(isKnown), ...all.filter((each) => !isKnown(each))].flatMap(([, names]) => names);
};
