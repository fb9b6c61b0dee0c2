import { connect, createServer, type Socket } from 'node:net';

export type Direction = 'up' | 'down';

/** A TCP port that leads to another one, until it is told to make trouble. */
export interface Cutter {
  readonly port: number;
  /** The next so many connections break once so many bytes went that way. */
  cutAfter(direction: Direction, bytes: number, times?: number): void;
  /** From so many bytes on nothing passes any more on any connection, and nothing is closed. */
  fallSilentAfter(direction: Direction, bytes: number): void;
  heal(): void;
  /** How many connections there were. */
  readonly connections: number;
  close(): Promise<void>;
}

export const startCutter = async (target: number): Promise<Cutter> => {
  const sockets = new Set<Socket>();
  let trouble: { direction: Direction; bytes: number; times: number; silent: boolean } | null = null;
  let connections = 0;

  const server = createServer((near) => {
    connections += 1;
    const far = connect(target, '127.0.0.1');
    const sent: Record<Direction, number> = { up: 0, down: 0 };
    let silent = false;
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    const pass = (direction: Direction, from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (silent) return;
        sent[direction] += chunk.length;
        if (
          trouble !== null &&
          trouble.direction === direction &&
          sent[direction] > trouble.bytes &&
          trouble.times > 0
        ) {
          silent = trouble.silent;
          if (silent) {
            // Whoever comes back meets the same.
            trouble.bytes = 0;
            return;
          }
          trouble.times -= 1;
          end();
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        if (!silent || socket === near) end();
      });
    }
    pass('up', near, far);
    pass('down', far, near);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    cutAfter(direction, bytes, times = 1) {
      trouble = { direction, bytes, times, silent: false };
    },
    fallSilentAfter(direction, bytes) {
      trouble = { direction, bytes, times: Number.POSITIVE_INFINITY, silent: true };
    },
    heal() {
      trouble = null;
    },
    get connections() {
      return connections;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
