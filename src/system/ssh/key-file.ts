import { readFile } from 'node:fs/promises';
import type { ParsedKey, utils } from 'ssh2';
import { messageOf } from '../../errors.ts';
import { assertOnlyOwnerReads } from '../permissions.ts';
import { SshFailure } from './failure.ts';

type ParseKey = typeof utils.parseKey;

/** Asks for the passphrase of a key; null: nobody can be asked, or nobody answers. `again`: the last one was not it. */
export type AskPassphrase = (path: string, again: boolean) => Promise<string | null>;

/** A private key in a file. Its public half is known before anybody is asked for a passphrase. */
export interface KeyFile {
  readonly path: string;
  readonly publicKey: ParsedKey;
  /** False for a file of a public key: whoever signs with it is an agent. */
  readonly signs: boolean;
  /** Remembered, once there. Rejects with an SshFailure, or 'config-unsafe' for a file that others can read. */
  privateKey(): Promise<ParsedKey>;
}

const MAGIC = 'openssh-key-v1\0';
const MOST_TRIES = 3;

/** A string of RFC 4251 (5): its length in 4 bytes, then itself. */
const stringAt = (bytes: Buffer, at: number): { readonly value: Buffer; readonly next: number } => {
  const next = at + 4 + bytes.readUInt32BE(at);
  return { value: bytes.subarray(at + 4, next), next };
};

/** The public half of an encrypted key in OpenSSH's own form, which is not encrypted (PROTOCOL.key); null for any other form. */
export const publicHalf = (text: string): Buffer | null => {
  const body = /^-----BEGIN OPENSSH PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END/m.exec(text)?.[1];
  const bytes = Buffer.from(body ?? '', 'base64');
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return null;
  try {
    const cipher = stringAt(bytes, MAGIC.length);
    const kdf = stringAt(bytes, cipher.next);
    const options = stringAt(bytes, kdf.next);
    return stringAt(bytes, options.next + 4).value;
  } catch {
    return null;
  }
};

const parsed = (parse: ParseKey, text: string | Buffer, passphrase?: string): ParsedKey | Error => {
  const found = parse(text, passphrase) as ParsedKey | ParsedKey[] | Error;
  return Array.isArray(found) ? (found[0] ?? new Error('there is no key in it')) : found;
};

const unlock = async (parse: ParseKey, path: string, text: string, ask: AskPassphrase): Promise<ParsedKey> => {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const passphrase = await ask(path, tries > 0);
    if (passphrase === null && tries > 0) break;
    if (passphrase === null) {
      throw new SshFailure('refused', `the key ${path} has a passphrase, and there is nobody to ask for it`, {
        hint: `eval "$(ssh-agent)" && ssh-add ${path}`,
      });
    }
    const key = parsed(parse, text, passphrase);
    if (!(key instanceof Error)) return key;
  }
  throw new SshFailure('refused', `that is not the passphrase of ${path}`, { hint: `ssh-keygen -y -f ${path}` });
};

/** Without asking for anything. Rejects with an SshFailure for a file that can't be read, or is no key. */
export const openKeyFile = async (path: string, parse: ParseKey, ask: AskPassphrase): Promise<KeyFile> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new SshFailure('refused', `the key ${path} cannot be read: ${messageOf(error)}`, {
      hint: `ssh-keygen -t ed25519 -f ${path}, and add ${path}.pub to ~/.ssh/authorized_keys there`,
    });
  });
  const plain = parsed(parse, text);
  let unlocked: Promise<ParsedKey> | null = null;
  const privateKey = async (): Promise<ParsedKey> => {
    await assertOnlyOwnerReads(path, 'ssh');
    unlocked ??= plain instanceof Error ? unlock(parse, path, text, ask) : Promise.resolve(plain);
    return unlocked;
  };
  if (!(plain instanceof Error)) return { path, publicKey: plain, signs: plain.isPrivateKey(), privateKey };
  if (!/encrypted/i.test(plain.message)) {
    throw new SshFailure('refused', `${path} is no private key that can be used: ${plain.message}`, {
      hint: `ssh-keygen -y -f ${path} shows its public half, where it has one`,
    });
  }
  const half = publicHalf(text) ?? (await readFile(`${path}.pub`, 'utf8').catch(() => null));
  const publicKey = half === null ? new Error('no public half') : parsed(parse, half);
  if (!(publicKey instanceof Error)) return { path, publicKey, signs: true, privateKey };
  throw new SshFailure('refused', `the key ${path} is encrypted in an old form, and ${path}.pub is not beside it`, {
    hint: `ssh-keygen -y -f ${path} > ${path}.pub`,
  });
};
