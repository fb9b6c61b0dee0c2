import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DeployError, messageOf } from '../../errors.ts';
import { AGE_MAGIC, ARMOR_MAGIC, headerLength, LARGEST_HEADER } from '../age/header.ts';
import { openPayload, textBytes } from '../age/payload.ts';
import { unlock } from '../age/unlock.ts';
import { ByteCursor } from './byte-cursor.ts';
import { archiveInvalid } from './invalid.ts';

const READ_BYTES = 1024 * 1024;
const GZIP_MAGIC = Buffer.from('1f8b', 'hex');

/** Zlib's own words, in a person's. */
const gzipProblem = (error: unknown): string => {
  const { code } = error as { code?: string };
  if (code === 'Z_BUF_ERROR') return 'the file is cut off: its gzip stream does not end';
  return `its gzip stream is damaged (${messageOf(error)})`;
};

/** An archive file as the stream of its decrypted, uncompressed bytes, in bounded memory. What it is shows in its first bytes. */
export class ByteSource {
  readonly path: string;
  /** Size of the file on the disk. */
  readonly fileBytes: number;
  readonly #handle: FileHandle;
  readonly #identityFiles: readonly string[];
  readonly #digest = createHash('sha256');
  /** File bytes read so far. */
  #read = 0;
  /** Bytes the decompressor understood so far. */
  #understood = 0;

  private constructor(path: string, handle: FileHandle, identityFiles: readonly string[], fileBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.#identityFiles = identityFiles;
    this.fileBytes = fileBytes;
  }

  /**
   * `identityFiles` are tried in turn where it is encrypted. `backup-invalid` when there is no such file or it is not a regular
   * one. Close it whatever happens.
   */
  static async open(path: string, identityFiles: readonly string[] = []): Promise<ByteSource> {
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
      return new ByteSource(path, handle, identityFiles, stat.size);
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

  /** The text of an age file and its length. */
  async #decrypted(file: ByteCursor): Promise<{ readonly text: AsyncIterable<Buffer>; readonly bytes: number }> {
    await file.fill(LARGEST_HEADER);
    const length = headerLength(file.peek(LARGEST_HEADER));
    if (length === null) throw archiveInvalid(this.path, 'its age header is damaged or cut off: it does not end');
    const fileKey = await unlock(this.path, file.take(length), this.#identityFiles);
    return { text: openPayload(this.path, file, fileKey), bytes: textBytes(this.fileBytes - length) };
  }

  async *#inflated(stored: AsyncIterable<Buffer>, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: READ_BYTES });
    const input = Readable.from(stored, { objectMode: false, highWaterMark: READ_BYTES });
    input.once('error', (error) => gunzip.destroy(error));
    input.pipe(gunzip);
    try {
      for await (const chunk of gunzip) yield chunk as Buffer;
      this.#understood = gunzip.bytesWritten;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DeployError) throw error;
      throw archiveInvalid(this.path, gzipProblem(error), error);
    } finally {
      input.destroy();
      gunzip.destroy();
    }
  }

  /**
   * The decrypted, uncompressed bytes, once. `backup-invalid` when age's or gzip's own checks fail or something follows the end;
   * `identity-missing` when nobody at hand can decrypt it.
   */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Buffer> {
    const file = new ByteCursor(this.#file(signal));
    if (await file.startsWith(ARMOR_MAGIC)) {
      throw new DeployError('backup-invalid', `${this.path}: its encryption is ASCII-armored, which is not supported`, {
        hint: `age -d -i IDENTITY_FILE -o plain.archive.gz ${this.path}; then use plain.archive.gz, and remove it afterwards`,
      });
    }
    const isEncrypted = await file.startsWith(AGE_MAGIC);
    const decrypted = isEncrypted ? await this.#decrypted(file) : null;
    const stored = decrypted === null ? file : new ByteCursor(decrypted.text);
    const storedBytes = decrypted?.bytes ?? this.fileBytes;
    if (!(await stored.startsWith(GZIP_MAGIC))) {
      yield* stored.rest();
      return;
    }
    yield* this.#inflated(stored.rest(), signal);
    // Node's decompressor stops at zeros after a member and says nothing.
    if (this.#understood !== storedBytes) {
      throw archiveInvalid(this.path, `${storedBytes - this.#understood} bytes follow the end of its gzip stream`);
    }
  }

  /** Reads the file as it lies there, instead of `chunks`, for its SHA-256 alone. */
  async digest(signal?: AbortSignal): Promise<string> {
    for await (const _ of this.#file(signal));
    return this.sha256();
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
