import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { failpoint } from '#failpoint';
import { syncDirectory } from '../../system/durable-file.ts';
import { around } from '../../system/failpoints/around.ts';
import { Sealer } from '../age/payload.ts';

const compress = promisify(gzip);

/** Each gzip member holds this much and is compressed on its own, on libuv's threads. */
const MEMBER_BYTES = 1024 * 1024;
/** Members under way at once: as many as libuv has threads. */
const MEMBERS_IN_FLIGHT = 4;

export interface WrittenFile {
  /** Of the file as it lies on the disk, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes an archive to a temporary name; `finish` makes it durable and gives it its own name, `abandon` removes it.
 * Mode 0600. Compression is gzip in independent members, which any gzip reader takes for one stream. Encryption goes around that.
 */
export class ArchiveFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  /** gzip level 1 to 9, or 0 for no compression. */
  readonly #level: number;
  readonly #sealer: Sealer | null;
  readonly #digest = createHash('sha256');
  readonly #members: Promise<Buffer>[] = [];
  /** Over when the write before is. */
  #turn: Promise<void> = Promise.resolve();
  #block = Buffer.allocUnsafe(MEMBER_BYTES);
  #filled = 0;
  #written = 0;
  /** Whether it has its own name already; that name may not be durable yet. */
  #named = false;

  private constructor(path: string, temporary: string, handle: FileHandle, level: number, sealer: Sealer | null) {
    this.#path = path;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#level = level;
    this.#sealer = sealer;
  }

  /**
   * `level`: gzip level 1 to 9, or 0 for no compression. `recipients`: whom it is encrypted to with age; null: it is not. An
   * unfinished file of the same name is overwritten.
   */
  static async create(path: string, level: number, recipients: readonly string[] | null = null): Promise<ArchiveFile> {
    const sealer = recipients === null ? null : await Sealer.to(recipients);
    const temporary = join(dirname(path), `.${basename(path)}.tmp`);
    await failpoint('archive.create.before');
    await rm(temporary, { force: true });
    return new ArchiveFile(path, temporary, await open(temporary, 'wx', 0o600), level, sealer);
  }

  /** Takes a copy of the parts and appends them, nothing of another write between them. Resolves when there is room for more. */
  write(...parts: readonly Uint8Array[]): Promise<void> {
    const written = this.#turn.then(() => this.#append(parts));
    // Whoever asked for it meets the failure; those after it meet their own.
    this.#turn = written.catch(() => {});
    return written;
  }

  async #append(parts: readonly Uint8Array[]): Promise<void> {
    for (const bytes of parts) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + MEMBER_BYTES - this.#filled);
        this.#block.set(part, this.#filled);
        this.#filled += part.length;
        at += part.length;
        if (this.#filled === MEMBER_BYTES) await this.#closeMember();
      }
    }
  }

  async #closeMember(): Promise<void> {
    const block = this.#block.subarray(0, this.#filled);
    this.#block = Buffer.allocUnsafe(MEMBER_BYTES);
    this.#filled = 0;
    const member =
      this.#level === 0 ? Promise.resolve(block) : compress(block, { level: this.#level, chunkSize: MEMBER_BYTES });
    // The failure is met when the member's turn to be written comes; until then it must not count as unhandled.
    member.catch(() => {});
    this.#members.push(member);
    if (this.#members.length >= MEMBERS_IN_FLIGHT) await this.#writeMember();
  }

  async #writeMember(): Promise<void> {
    const member = await this.#members.shift();
    if (member !== undefined) await this.#put(this.#sealer?.add(member) ?? member);
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#digest.update(bytes);
    await failpoint('archive.member.before');
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, null);
      at += bytesWritten;
    }
    this.#written += bytes.length;
    await failpoint('archive.member.after');
  }

  /** Writes what is left, checks the length, and makes file and name survive a power loss. */
  async finish(): Promise<WrittenFile> {
    if (this.#filled > 0) await this.#closeMember();
    while (this.#members.length > 0) await this.#writeMember();
    if (this.#sealer !== null) await this.#put(this.#sealer.end());
    await failpoint('archive.sync.before');
    await this.#handle.sync();
    await failpoint('archive.sync.after');
    const { size } = await this.#handle.stat();
    if (size !== this.#written)
      throw new Error(`${this.#temporary}: wrote ${this.#written} bytes, the file has ${size}`);
    await this.#handle.close();
    await around('archive.rename', () => rename(this.#temporary, this.#path));
    this.#named = true;
    await syncDirectory(dirname(this.#path));
    return { sha256: this.#digest.digest('hex'), bytes: this.#written };
  }

  /** Removes it, also when `finish` named it and failed after that. Never throws. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#members);
    await this.#handle.close().catch(() => {});
    const path = this.#named ? this.#path : this.#temporary;
    await around('archive.abandon', () => rm(path, { force: true })).catch(() => {});
  }
}
