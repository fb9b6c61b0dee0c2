import { lstat, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { isPrivate, markerOf, socketIn } from './runtime-folder.ts';

const CONNECT_MS = 2_000;
/** A younger socket may be one that is bound and does not listen yet. */
const SETTLED_MS = 10_000;

/** Listens for followers; a name that is taken, or a folder that is full, is an error. Close removes the socket. */
export const listenForFollowers = (
  folder: string,
  marker: string,
  serve: (socket: Socket) => void,
): Promise<{ close(): void }> =>
  new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, serve);
    server.once('error', reject);
    server.listen(socketIn(folder, marker), () => {
      server.removeAllListeners('error').on('error', () => {});
      server.unref();
      // The file is unlinked at once; connections go on.
      resolve({ close: () => void server.close() });
    });
  });

/** `refused`: nobody listens there (any more). */
const connectTo = (path: string): Promise<Socket | 'refused' | 'unreachable'> =>
  new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: true });
    const finish = (result: Socket | 'refused' | 'unreachable'): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => {});
      if (typeof result === 'string') socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish('unreachable'), CONNECT_MS);
    socket.once('connect', () => finish(socket));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      finish(code === 'ECONNREFUSED' ? 'refused' : 'unreachable'),
    );
  });

/** Connects to the runner with this marker, in the first of the folders that has it. Null: it is gone, or not ours to ask. */
export const connectToRunner = async (
  folders: readonly string[],
  uid: number,
  marker: string,
): Promise<Socket | null> => {
  for (const folder of folders) {
    if (!(await isPrivate(folder, uid))) continue;
    const socket = await connectTo(socketIn(folder, marker));
    if (typeof socket !== 'string') return socket;
  }
  return null;
};

/** Removes the sockets of runners that were killed. */
export const sweepSockets = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (markerOf(name) === null || found === null || Date.now() - found.mtimeMs < SETTLED_MS) continue;
    const socket = await connectTo(path);
    if (socket === 'refused') await rm(path, { force: true });
    else if (socket !== 'unreachable') socket.destroy();
  }
};
