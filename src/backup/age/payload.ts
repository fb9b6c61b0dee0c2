import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { ByteCursor } from '../archive/byte-cursor.ts';
import { archiveInvalid } from '../archive/invalid.ts';
import { makeHeader } from './header.ts';

// age's payload: a nonce of 16 bytes, then the text in chunks of 64 KiB, each sealed with ChaCha20-Poly1305. A chunk's nonce is
// its number in 11 bytes and a byte that is 1 for the last one, so that none can be left out, moved or cut off unseen.
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_BYTES = CHUNK_BYTES + TAG_BYTES;
const NONCE_BYTES = 16;
const CIPHER = 'chacha20-poly1305';

const payloadKey = (fileKey: Buffer, nonce: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));

const chunkNonce = (index: number, isLast: boolean): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(index), 3);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
};

const seal = (key: Buffer, index: number, isLast: boolean, text: Buffer): Buffer => {
  const cipher = createCipheriv(CIPHER, key, chunkNonce(index, isLast), { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
};

/** Null: it is not what was sealed with this key, number and flag. */
const unseal = (key: Buffer, index: number, isLast: boolean, sealed: Buffer): Buffer | null => {
  if (sealed.length < TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, chunkNonce(index, isLast), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const text = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return text;
  } catch {
    return null;
  }
};

/** Encrypts a stream, holding no more of it than a chunk. What it gives, one after the other, is an age file. */
export class Sealer {
  readonly #key: Buffer;
  /** Header and nonce, until they are given away. */
  #start: Buffer;
  /** A chunk can't be sealed before it is known whether another one comes. */
  #pending: Buffer = Buffer.alloc(0);
  #index = 0;

  private constructor(start: Buffer, key: Buffer) {
    this.#start = start;
    this.#key = key;
  }

  /** For these recipients (age1...), each of which can decrypt it alone. */
  static async to(recipients: readonly string[]): Promise<Sealer> {
    const { header, fileKey } = await makeHeader(recipients);
    const nonce = randomBytes(NONCE_BYTES);
    return new Sealer(Buffer.concat([header, nonce]), payloadKey(fileKey, nonce));
  }

  /** What can be written of the stream by now; may be empty. */
  add(text: Buffer): Buffer {
    const parts = [this.#takeStart()];
    const all = Buffer.concat([this.#pending, text]);
    let at = 0;
    for (; all.length - at > CHUNK_BYTES; at += CHUNK_BYTES) {
      parts.push(seal(this.#key, this.#index++, false, all.subarray(at, at + CHUNK_BYTES)));
    }
    this.#pending = all.subarray(at);
    return Buffer.concat(parts);
  }

  /** What is left of it. */
  end(): Buffer {
    return Buffer.concat([this.#takeStart(), seal(this.#key, this.#index, true, this.#pending)]);
  }

  #takeStart(): Buffer {
    const start = this.#start;
    this.#start = Buffer.alloc(0);
    return start;
  }
}

/** How many bytes of text a payload of this size holds, its nonce included. */
export const textBytes = (payloadBytes: number): number => {
  const sealed = payloadBytes - NONCE_BYTES;
  return sealed - Math.ceil(sealed / SEALED_BYTES) * TAG_BYTES;
};

/**
 * Decrypts the payload that comes next. Nothing is given out that was not authenticated; `backup-invalid` says at which byte of the
 * file that fails.
 */
export async function* openPayload(path: string, file: ByteCursor, fileKey: Buffer): AsyncGenerator<Buffer> {
  if (!(await file.fill(NONCE_BYTES))) throw archiveInvalid(path, 'the file is cut off after its age header');
  const key = payloadKey(fileKey, file.take(NONCE_BYTES));
  for (let index = 0; ; index++) {
    const isLast = !(await file.fill(SEALED_BYTES + 1));
    const at = file.offset;
    const sealed = file.take(isLast ? file.available : SEALED_BYTES);
    const text = unseal(key, index, isLast, sealed);
    if (text === null) {
      // Under the other flag it may be whole: then it is not where it belongs.
      const isWhole = unseal(key, index, !isLast, sealed) !== null;
      if (isLast && (isWhole || sealed.length < TAG_BYTES)) {
        throw archiveInvalid(path, `the file is cut off at byte ${file.offset}: its encryption does not end`);
      }
      if (isWhole) throw archiveInvalid(path, `something follows the end of its encryption, at byte ${file.offset}`);
      const range = `bytes ${at} to ${file.offset - 1} are not what was encrypted`;
      throw archiveInvalid(path, isLast ? `${range}: damaged, or cut off` : `${range}: damaged`);
    }
    if (isLast && index > 0 && text.length === 0) {
      throw archiveInvalid(path, `its encryption ends with an empty part, at byte ${at}`);
    }
    yield text;
    if (isLast) return;
  }
}
