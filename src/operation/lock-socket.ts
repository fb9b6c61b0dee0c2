import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';

// An abstract unix socket (unix(7)): a name without a file, which the kernel gives to one listener at a time and takes
// back the instant its process is gone, however it went. A stopped process keeps it. It is visible within a network
// namespace, to every user there.

/** sun_path has 108 bytes, the first of which is the NUL that makes a name abstract. */
const NAME_LENGTH = 107;

/**
 * The name for a key. Always of full length: libuv fills shorter names up with NULs in some versions and not in others,
 * and those would be two names. Longer ones it cuts off silently, hence the hash.
 */
export const socketName = (parts: readonly string[]): string => {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `\0kaleem-deploy/lock/${hash}`.padEnd(NAME_LENGTH + 1, '/');
};

export interface Listener {
  close(): Promise<void>;
}

/** Listens and answers each connection with `answer()`. Null: somebody else has the name. Holds no process open. */
export const listenOn = (name: string, answer: () => string): Promise<Listener | null> => {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.unref();
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.end(answer());
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    // `exclusive`: not shared between workers of node:cluster.
    server.listen({ path: name, exclusive: true }, () => {
      server.removeAllListeners('error');
      server.on('error', () => {});
      server.unref();
      resolve({ close });
    });
  });
};

/** What a listener answered; `silent` when it did not within the time; `free` when there is none (any more). */
export type Answer =
  | { readonly state: 'free' }
  | { readonly state: 'silent' }
  | { readonly state: 'answered'; readonly text: string };

/** ECONNREFUSED: nobody listens. The others: whoever did went away in the middle of it. */
const GONE = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT'];
/** Whoever holds the name is not necessarily this tool. */
const LONGEST_ANSWER = 4096;

export const askOn = (name: string, timeoutMs: number): Promise<Answer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect(name);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ state: 'silent' }), timeoutMs);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LONGEST_ANSWER) return finish({ state: 'silent' });
      chunks.push(chunk);
    });
    socket.on('end', () => {
      // Closed without a word: a holder that is just letting go.
      finish(bytes === 0 ? { state: 'free' } : { state: 'answered', text: Buffer.concat(chunks).toString() });
    });
    // EAGAIN: so many wait for an answer already that the kernel takes no more. Held, in any case.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish({ state: GONE.includes(error.code ?? '') ? 'free' : 'silent' }),
    );
  });
