import { keyType } from '../../src/system/ssh/public-key.ts';

/** A public key as it goes over the wire: its type and something. */
export const keyOf = (type: string, content: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  // As long as a key of Ed25519 is, or ssh-keygen does not take it for one.
  const body = Buffer.alloc(36);
  body.writeUInt32BE(32);
  body.write(content, 4);
  return Buffer.concat([length, Buffer.from(type), body]);
};

/** A line of a known_hosts file. */
export const knownLine = (hosts: string, key: Buffer): string =>
  `${hosts} ${keyType(key)} ${key.toString('base64')} a comment\n`;
