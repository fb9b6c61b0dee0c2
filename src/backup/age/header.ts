import type { Stanza } from 'age-encryption';

/** An age file (https://age-encryption.org/v1): a header in text that wraps a file key for each recipient, then the payload. */
export const AGE_MAGIC = Buffer.from('age-encryption.org/v1\n');
export const ARMOR_MAGIC = Buffer.from('-----BEGIN AGE ENCRYPTED FILE-----');

/** Several hundred recipients. */
export const LARGEST_HEADER = 256 * 1024;

const TAG_BYTES = 16;
const NONCE_BYTES = 16;
const LAST_LINE = Buffer.from('\n--- ');

/** How long the header is that these bytes begin with; null where they do not hold all of it. */
export const headerLength = (bytes: Buffer): number | null => {
  const last = bytes.indexOf(LAST_LINE);
  const end = last < 0 ? -1 : bytes.indexOf('\n', last + LAST_LINE.length);
  return end < 0 ? null : end + 1;
};

/**
 * Makes a file key and the header that gives it to these recipients. The library's own encryption of the payload is some ten
 * times slower than gzip, and so not used: an empty file is encrypted for its header, and one more "recipient" is told the key.
 */
export const makeHeader = async (
  recipients: readonly string[],
): Promise<{ readonly header: Buffer; readonly fileKey: Buffer }> => {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  const keys: Buffer[] = [];
  encrypter.addRecipient({
    wrapFileKey: (fileKey) => {
      keys.push(Buffer.from(fileKey));
      return [];
    },
  });
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const empty = Buffer.from(await encrypter.encrypt(new Uint8Array(0)));
  const header = empty.subarray(0, empty.length - NONCE_BYTES - TAG_BYTES);
  const [fileKey] = keys;
  if (fileKey === undefined || headerLength(header) !== header.length) throw new Error('age made no header');
  return { header, fileKey };
};

/** `kinds`: what the file is encrypted to instead, in age's words (X25519, scrypt, ssh-ed25519, ...). */
export type Opened = { readonly fileKey: Buffer } | { readonly kinds: readonly string[] };

/** The file key, where one of the identities can unwrap it. Throws when the header is damaged, or an identity is. */
export const openHeader = async (header: Buffer, identities: readonly string[]): Promise<Opened> => {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  let kinds: readonly string[] | null = null;
  // Asked last, when none of the others could.
  decrypter.addIdentity({
    unwrapFileKey: (stanzas: readonly Stanza[]) => {
      kinds = stanzas.map(({ args }) => args[0] ?? '');
      return null;
    },
  });
  try {
    return { fileKey: Buffer.from(await decrypter.decryptHeader(header)) };
  } catch (error) {
    if (kinds === null) throw error;
    return { kinds };
  }
};
