import { around } from '../../system/failpoints/around.ts';
import { sha256OfStream } from '../../system/sha256.ts';
import { quoteWord } from '../../system/ssh/quote.ts';
import { isFailure, PlaceFailure } from './failure.ts';
import { assertWhole } from './file-source.ts';
import { type PlaceWorld, persist, resuming } from './patience.ts';
import { connectSftp, type SftpConnection, type SftpPlace } from './sftp-connection.ts';
import { readPieces, writePieces } from './sftp-transfer.ts';
import type { CopyStore, Leftover, Source, StoredFile } from './store.ts';

/** An upload under way. Its name has a part of the digest, so that only the same content is ever written on to it. */
const unfinishedName = (name: string, { sha256 }: Source): string => `.${name}.${sha256.slice(0, 16)}.part`;
const UNFINISHED = /^\.(.+)\.[0-9a-f]{16}\.part$/;

/** SSH_FXF_WRITE and SSH_FXF_CREAT, without the one that empties (draft-ietf-secsh-filexfer-02, 6.3). */
const WRITE_OR_CREATE = 0x02 | 0x08;

interface Attributes {
  readonly size: number;
  readonly mtime: number;
  isFile(): boolean;
}

/** A server that hashes slower than this may as well send the file back. */
const SLOWEST_DIGEST_BYTES_PER_MS = 10_000;

export const openSftpStore = (place: SftpPlace, world: PlaceWorld): CopyStore => {
  const { directory, url } = place;
  const at = (name: string): string => `${directory}/${name}`;
  let connection: SftpConnection | null = null;

  const connected = async (): Promise<SftpConnection> => {
    if (connection === null || connection.lost) connection = await connectSftp(place, world);
    return connection;
  };
  const withConnection = <T>(use: (open: SftpConnection) => Promise<T>, reached?: () => number): Promise<T> =>
    persist(world, async () => use(await connected()), reached);

  /** Whatever comes of it: with the connection gone, so is the handle. */
  const closeHandle = (open: SftpConnection, handle: Buffer): Promise<void> =>
    open.call<void>('close', (sftp, done) => sftp.close(handle, (error) => done(error, undefined))).catch(() => {});

  const withFile = async <T>(open: SftpConnection, path: string, use: (handle: Buffer) => Promise<T>): Promise<T> => {
    const handle = await open.call<Buffer>(`open ${path}`, (sftp, done) =>
      sftp.open(path, WRITE_OR_CREATE, { mode: 0o600 }, done),
    );
    try {
      return await use(handle);
    } finally {
      await closeHandle(open, handle);
    }
  };

  const remove = (name: string): Promise<void> =>
    withConnection((open) =>
      open.call<void>(`remove ${name}`, (sftp, done) => sftp.unlink(at(name), (error) => done(error, undefined))),
    ).catch((error: unknown) => {
      if (!isFailure(error, 'missing')) throw error;
    });

  const entries = (): Promise<readonly (StoredFile & { readonly plain: boolean })[]> =>
    withConnection(async (open) => {
      const found = await open
        .call<readonly { readonly filename: string; readonly attrs: unknown }[]>(`list ${directory}`, (sftp, done) =>
          sftp.readdir(directory, done),
        )
        .catch((error: unknown) => {
          if (!isFailure(error, 'missing')) throw error;
          throw new PlaceFailure('missing', `there is no folder ${directory}`, {
            hint: `make it: ssh -p ${place.port} ${place.username}@${place.host} mkdir -p ${quoteWord(directory)}`,
          });
        });
      return found.map(({ filename, attrs }) => {
        const { size, mtime, isFile } = attrs as Attributes;
        return { name: filename, bytes: size, modifiedAt: new Date(mtime * 1000), plain: isFile.call(attrs) };
      });
    });

  async function* contentFrom(name: string, from: number, to: number): AsyncGenerator<Buffer> {
    const open = await connected();
    const path = at(name);
    const handle = await open.call<Buffer>(`open ${path}`, (sftp, done) => sftp.open(path, 'r', done));
    try {
      yield* readPieces(open, handle, from, to);
    } finally {
      await closeHandle(open, handle);
    }
  }
  const get = (name: string, bytes: number): AsyncIterable<Buffer> =>
    resuming(world, bytes, (from) => contentFrom(name, from, bytes));

  /** By the server's own `sha256sum`, where it lets that run; else by reading the file back. */
  const hasDigest = async (name: string, { bytes, sha256 }: Source): Promise<boolean> => {
    const open = await withConnection(async (each) => each);
    const patience = world.patience.silenceMs + bytes / SLOWEST_DIGEST_BYTES_PER_MS;
    const said = await open.output(`sha256sum -- ${quoteWord(at(name))}`, patience);
    if (said?.startsWith(`${sha256} `)) return true;
    return (await sha256OfStream(get(name, bytes))) === sha256;
  };

  const sizeOf = (name: string): Promise<number | null> =>
    withConnection((open) =>
      open.call<Attributes>(`look at ${name}`, (sftp, done) => sftp.lstat(at(name), done as never)),
    ).then(
      (found) => (found.isFile() ? found.size : null),
      (error: unknown) => {
        if (isFailure(error, 'missing')) return null;
        throw error;
      },
    );

  /** Bytes that may still be written there; null where the server does not tell. */
  const freeBytes = async (open: SftpConnection): Promise<number | null> => {
    try {
      const found = await open.call<{ readonly f_bavail: number; readonly f_frsize: number }>(
        'free space',
        (sftp, done) => sftp.ext_openssh_statvfs(directory, done as never),
      );
      return found.f_bavail * found.f_frsize;
    } catch {
      world.signal.throwIfAborted();
      return null;
    }
  };

  const full = (needed: number, free: number): PlaceFailure =>
    new PlaceFailure(
      'full',
      `the disk there is full: ${Math.ceil(needed / 1e6)} MB needed, ${Math.floor(free / 1e6)} MB free`,
      {
        hint: 'make room there, or keep fewer copies: keep_ rules of this place, then kaleem-deploy backup prune',
      },
    );

  /** Writes what is missing of an upload. Comes back with how much was there before. */
  const writeOn = async (name: string, source: Source, onBytes: (bytes: number) => void): Promise<number> => {
    const path = at(name);
    let reached = 0;
    let before: number | null = null;
    const write = async (open: SftpConnection): Promise<void> => {
      await withFile(open, path, async (handle) => {
        const { size } = await open.call<Attributes>('size', (sftp, done) => sftp.fstat(handle, done as never));
        const from = size > source.bytes ? 0 : size;
        if (size > source.bytes) {
          await open.call<void>('cut', (sftp, done) =>
            sftp.fsetstat(handle, { size: 0 } as never, (error) => done(error, undefined)),
          );
        }
        before ??= from;
        const free = await freeBytes(open);
        if (free !== null && free < source.bytes - from) throw full(source.bytes - from, free);
        await writePieces(open, handle, source, {
          from,
          onBytes: (bytes) => {
            reached = bytes;
            onBytes(bytes);
          },
        }).catch(async (error: unknown) => {
          // SFTP has no word for a full disk.
          const left = isFailure(error, 'failed') ? await freeBytes(open) : null;
          throw left !== null && left < source.bytes - reached ? full(source.bytes - reached, left) : error;
        });
        // Not every server can; those that can't are trusted with it, as any other program does.
        await open
          .call<void>('sync', (sftp, done) =>
            sftp.ext_openssh_fsync(handle, (error) => done(error as Error, undefined)),
          )
          .catch((error: unknown) => {
            if (!isFailure(error, 'unsupported')) throw error;
          });
      });
    };
    await withConnection(write, () => reached);
    return before ?? 0;
  };

  const rename = (from: string, to: string): Promise<void> =>
    withConnection(async (open) => {
      const what = `rename ${from} to ${to}`;
      const plainly = (): Promise<void> =>
        open.call<void>(what, (sftp, done) => sftp.rename(at(from), at(to), (error) => done(error, undefined)));
      const replacing = open.call<void>(what, (sftp, done) =>
        sftp.ext_openssh_rename(at(from), at(to), (error) => done(error as Error, undefined)),
      );
      await replacing.catch(async (error: unknown) => {
        if (!isFailure(error, 'unsupported')) throw error;
        // SFTP's own rename replaces nothing.
        await remove(to);
        await plainly();
      });
    });

  const upload = async (name: string, source: Source, onBytes: (bytes: number) => void): Promise<void> => {
    const unfinished = unfinishedName(name, source);
    const before = await writeOn(unfinished, source, onBytes);
    if (!(await hasDigest(unfinished, source))) {
      await remove(unfinished);
      await assertWhole(source);
      // What an earlier try left may be at fault.
      if (before > 0) return upload(name, source, onBytes);
      throw new PlaceFailure('failed', `${name} does not read back as it was sent`);
    }
    await around('copy.name', () => rename(unfinished, name));
  };

  const holds = async (name: string, source: Source): Promise<boolean> =>
    (await sizeOf(name)) === source.bytes && hasDigest(name, source);

  return {
    url,
    async list() {
      const files = (await entries()).filter(({ name, plain }) => plain && !name.startsWith('.'));
      return files.map(({ name, bytes, modifiedAt }) => ({ name, bytes, modifiedAt }));
    },
    put: (name, source, onBytes) =>
      around('copy.put', () =>
        upload(name, source, onBytes).catch(async (error: unknown) => {
          // Somebody else, who was at the same, has named it; or the answer to our own naming was lost.
          if (isFailure(error, 'missing') && (await holds(name, source))) return;
          // What can't be finished there would only take room.
          if (isFailure(error, 'full')) await remove(unfinishedName(name, source)).catch(() => {});
          throw error;
        }),
      ),
    holds,
    get,
    remove: (name) => around('copy.remove', () => remove(name)),
    async sweep(isStale) {
      for (const { name, modifiedAt, plain } of await entries()) {
        const own = plain ? UNFINISHED.exec(name)?.[1] : undefined;
        const leftover: Leftover = { name: own ?? '', since: modifiedAt };
        if (own !== undefined && isStale(leftover)) await around('copy.sweep', () => remove(name));
      }
    },
    close() {
      connection?.close();
    },
  };
};
