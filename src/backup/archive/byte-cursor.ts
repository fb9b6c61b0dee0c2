import { int32At } from './bson.ts';

const EMPTY = Buffer.alloc(0);

/** Reads a stream of chunks as if it were one buffer, holding no more of it than was asked for and one chunk. */
export class ByteCursor {
  readonly #chunks: AsyncIterator<Buffer>;
  #current: Buffer = EMPTY;
  #at = 0;
  #before = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Bytes taken since the start of the stream. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /** Bytes at hand, without waiting. */
  get available(): number {
    return this.#current.length - this.#at;
  }

  /** Waits until `length` bytes are at hand; false when the stream ends before. */
  async fill(length: number): Promise<boolean> {
    if (this.available >= length) return true;
    const parts = this.available === 0 ? [] : [this.#current.subarray(this.#at)];
    let have = this.available;
    while (have < length) {
      const next = await this.#chunks.next();
      if (next.done) break;
      parts.push(next.value);
      have += next.value.length;
    }
    this.#before += this.#at;
    this.#at = 0;
    const [only] = parts;
    this.#current = only !== undefined && parts.length === 1 ? only : Buffer.concat(parts, have);
    return have >= length;
  }

  /** The 32-bit integer that comes `skip` bytes from here. The caller has filled enough. */
  peekInt32(skip = 0): number {
    return int32At(this.#current, this.#at + skip);
  }

  /** Whether the stream goes on with these bytes. None are taken. */
  async startsWith(bytes: Buffer): Promise<boolean> {
    await this.fill(bytes.length);
    return this.peek(bytes.length).equals(bytes);
  }

  /** The next `length` bytes, or as many as are at hand, without taking them. */
  peek(length: number): Buffer {
    return this.#current.subarray(this.#at, this.#at + length);
  }

  /** The next `length` bytes, without copying. The caller has filled enough. */
  take(length: number): Buffer {
    const taken = this.#current.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** All that is left, as it comes. */
  async *rest(): AsyncGenerator<Buffer> {
    while (await this.fill(1)) yield this.take(this.available);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
