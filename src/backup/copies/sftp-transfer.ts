import type { SftpConnection } from './sftp-connection.ts';
import type { Source } from './store.ts';

/** What every server takes in one message (draft-ietf-secsh-filexfer-02, 3). */
const PIECE_BYTES = 32 * 1024;
/** Messages under way at once: 2 MB, so that a long way there does not make it slow. */
const IN_FLIGHT = 64;

/** Writes a source from an offset on to an open file. `onBytes`: written so far, from the file's beginning. */
export const writePieces = async (
  connection: SftpConnection,
  handle: Buffer,
  source: Source,
  { from, onBytes }: { readonly from: number; readonly onBytes: (bytes: number) => void },
): Promise<void> => {
  const pending: { readonly end: number; readonly written: Promise<void> }[] = [];
  const first = async (): Promise<void> => {
    const next = pending.shift();
    if (next === undefined) return;
    await next.written;
    onBytes(next.end);
  };
  let at = from;
  for await (const chunk of source.read(from)) {
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      const piece = chunk.subarray(start, start + PIECE_BYTES);
      const position = at;
      const written = connection.call<void>('write', (sftp, done) =>
        sftp.write(handle, piece, 0, piece.length, position, (error) => done(error, undefined)),
      );
      // Its failure is met when its turn comes; until then it must not count as unhandled.
      written.catch(() => {});
      at += piece.length;
      pending.push({ end: at, written });
      if (pending.length >= IN_FLIGHT) await first();
    }
  }
  while (pending.length > 0) await first();
};

const END_OF_FILE = 1;

/** Up to `length` bytes; fewer where the file ends. */
const readPiece = async (
  connection: SftpConnection,
  handle: Buffer,
  position: number,
  length: number,
): Promise<Buffer> => {
  const piece = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = await connection.call<number>('read', (sftp, done) =>
      sftp.read(handle, piece, filled, length - filled, position + filled, (error, bytes) =>
        (error as { readonly code?: number } | undefined)?.code === END_OF_FILE ? done(null, 0) : done(error, bytes),
      ),
    );
    if (read === 0) break;
    filled += read;
  }
  return piece.subarray(0, filled);
};

/** The bytes of an open file from `from` to `to`, or to its end where that comes first. */
export async function* readPieces(
  connection: SftpConnection,
  handle: Buffer,
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = [];
  let next = from;
  while (next < to || pending.length > 0) {
    while (next < to && pending.length < IN_FLIGHT) {
      const length = Math.min(PIECE_BYTES, to - next);
      const piece = readPiece(connection, handle, next, length);
      piece.catch(() => {});
      pending.push(piece);
      next += length;
    }
    const piece = await pending.shift();
    if (piece === undefined || piece.length === 0) return;
    yield piece;
  }
}
