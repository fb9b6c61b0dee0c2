import { spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';

/** Local ports that lead to addresses which only a command can reach. */
export interface Tunnels {
  /** `127.0.0.1:PORT` for an address; always the same one for the same address. */
  to(host: string, port: number): Promise<string>;
  close(): Promise<void>;
}

/** `connector`: the command whose standard input and output are the connection; run once for each. */
export const openTunnels = (connector: (host: string, port: number) => readonly string[]): Tunnels => {
  const servers = new Map<string, Promise<Server>>();
  const sockets = new Set<Socket>();
  const listen = (host: string, port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        const [file = '', ...args] = connector(host, port);
        const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
        sockets.add(socket);
        socket.pipe(child.stdin);
        child.stdout.pipe(socket);
        const end = () => {
          sockets.delete(socket);
          socket.destroy();
          child.kill();
        };
        for (const each of [socket, child, child.stdin]) each.on('error', end);
        socket.on('close', end);
        child.on('close', end);
      });
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(server));
    });
  return {
    async to(host, port) {
      const key = `${host}:${port}`;
      const found = servers.get(key) ?? listen(host, port);
      servers.set(key, found);
      const address = (await found).address();
      if (address === null || typeof address === 'string') throw new Error(`no tunnel to ${key}`);
      return `127.0.0.1:${address.port}`;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      for (const server of await Promise.all(servers.values())) server.close();
    },
  };
};
