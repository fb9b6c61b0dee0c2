import { createHash, hash } from 'node:crypto';
import { type DocumentRun, eachDocument } from './archive/bson.ts';

const LIMBS = 16;
/** A limb gains less than 2^16 per document, so this many stay far below 2^53, where doubles stop being exact. */
const CARRY_EVERY = 2 ** 30;

/** Takes in the documents of one collection, as bytes, and says what they are in one line. */
export interface DocumentDigest {
  add(run: DocumentRun): void;
  readonly documents: number;
  readonly bytes: number;
  /** 64 hex digits. More may be added afterwards only to an unordered digest. */
  hex(): string;
}

/**
 * Order does not matter, number does: the sum modulo 2^256 of each document's SHA-256. (With XOR, two equal documents
 * would cancel out.) It detects change, not forgery: nobody who can write to the database needs to fake a backup.
 */
export class UnorderedDigest implements DocumentDigest {
  documents = 0;
  bytes = 0;
  /** The sum in 16-bit limbs, most significant first; carried over only now and then. */
  readonly #limbs = new Float64Array(LIMBS);
  #uncarried = 0;

  add({ bytes, count }: DocumentRun): void {
    const limbs = this.#limbs;
    eachDocument(bytes, (start, end) => {
      // 'binary' gives a string of 32 one-byte characters, twice as fast to make as a Buffer.
      const digest = hash('sha256', bytes.subarray(start, end), 'binary');
      for (let limb = 0; limb < LIMBS; limb++) {
        limbs[limb] = (limbs[limb] as number) + (digest.charCodeAt(2 * limb) << 8) + digest.charCodeAt(2 * limb + 1);
      }
    });
    this.documents += count;
    this.bytes += bytes.length;
    this.#uncarried += count;
    if (this.#uncarried >= CARRY_EVERY) this.#carry();
  }

  #carry(): void {
    let carry = 0;
    for (let limb = LIMBS - 1; limb >= 0; limb--) {
      const sum = (this.#limbs[limb] as number) + carry;
      carry = Math.floor(sum / 65536);
      this.#limbs[limb] = sum - carry * 65536;
    }
    this.#uncarried = 0;
  }

  hex(): string {
    this.#carry();
    return Array.from(this.#limbs, (limb) => limb.toString(16).padStart(4, '0')).join('');
  }
}

/** For capped collections, where the order of documents is part of what they say: SHA-256 of all bytes in order. */
export class OrderedDigest implements DocumentDigest {
  documents = 0;
  bytes = 0;
  readonly #hash = createHash('sha256');

  add({ bytes, count }: DocumentRun): void {
    this.#hash.update(bytes);
    this.documents += count;
    this.bytes += bytes.length;
  }

  hex(): string {
    return this.#hash.copy().digest('hex');
  }
}
