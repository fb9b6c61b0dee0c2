import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DeployError, messageOf } from '../../errors.ts';
import { archiveInvalid } from './invalid.ts';

const READ_BYTES = 1024 * 1024;
const GZIP_MAGIC = 0x8b1f;

/** Zlib's own words, in a person's. */
const gzipProblem = (error: unknown): string => {
  const { code } = error as { code?: string };
  if (code === 'Z_BUF_ERROR') return 'the file is cut off: its gzip stream does not end';
  return `its gzip stream is damaged (${messageOf(error)})`;
};

/** An archive file as the stream of its uncompressed bytes, in bounded memory. */
export class ByteSource {
  readonly path: string;
  readonly compressed: boolean;
  /** Size of the file on the disk. */
  readonly fileBytes: number;
  readonly #handle: FileHandle;
  readonly #digest = createHash('sha256');
  /** File bytes read so far. */
  #read = 0;
  /** File bytes the decompressor understood so far. */
  #understood = 0;

  private constructor(path: string, handle: FileHandle, compressed: boolean, fileBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.compressed = compressed;
    this.fileBytes = fileBytes;
  }

  /** `backup-invalid` when there is no such file or it is not a regular one. Close it whatever happens. */
  static async open(path: string): Promise<ByteSource> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw archiveInvalid(path, gone ? 'there is no such file' : `cannot be opened: ${messageOf(error)}`, error);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw archiveInvalid(path, 'is not a regular file');
      const start = Buffer.alloc(2);
      await handle.read(start, 0, 2, 0);
      return new ByteSource(path, handle, start.readUInt16LE(0) === GZIP_MAGIC, stat.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async *#file(signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, this.#read);
      if (bytesRead === 0) return;
      const chunk = buffer.subarray(0, bytesRead);
      this.#read += bytesRead;
      this.#digest.update(chunk);
      yield chunk;
    }
  }

  async *#inflated(signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: READ_BYTES });
    const file = Readable.from(this.#file(signal), { objectMode: false, highWaterMark: READ_BYTES });
    file.once('error', (error) => gunzip.destroy(error));
    file.pipe(gunzip);
    try {
      for await (const chunk of gunzip) yield chunk as Buffer;
      this.#understood = gunzip.bytesWritten;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DeployError) throw error;
      throw archiveInvalid(this.path, gzipProblem(error), error);
    } finally {
      file.destroy();
      gunzip.destroy();
    }
  }

  /** The uncompressed bytes, once. `backup-invalid` when gzip's own checks fail or something follows its end. */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Buffer> {
    if (!this.compressed) {
      yield* this.#file(signal);
      return;
    }
    yield* this.#inflated(signal);
    // Node's decompressor stops at zeros after a member and says nothing.
    if (this.#understood !== this.fileBytes) {
      throw archiveInvalid(this.path, `${this.fileBytes - this.#understood} bytes follow the end of its gzip stream`);
    }
  }

  /** SHA-256 of the file, hex. Once, after `chunks` has ended. */
  sha256(): string {
    if (this.#read !== this.fileBytes) throw archiveInvalid(this.path, 'its size changed while it was read');
    return this.#digest.digest('hex');
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
