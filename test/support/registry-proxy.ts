import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { registryAddress } from './machine.ts';

/** What a registry is asked for: a list of tags, one manifest, or the bytes of a layer. */
export type Asked = 'manifest' | 'blob' | 'other';

/** What happens to a request instead of being passed on. */
export type RegistryFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly code: string }
  /** The connection breaks after so many bytes of the answer. */
  | { readonly cutAfter: number };

export interface RegistryProxy {
  /** How many requests of each kind came. */
  readonly seen: Readonly<Record<Asked, number>>;
  /**
   * From now on each request of this kind meets the fault, `times` of them or all; several faults can stand side by
   * side. Nothing else is passed on differently.
   */
  fail(asked: Asked, fault: RegistryFault, times?: number): void;
  /** Passes everything on again, and counts from 0. */
  heal(): void;
  /** The network is gone: open connections break, new ones are closed at once. `heal` mends it. */
  cut(): void;
  close(): Promise<void>;
}

const kindOf = (url: string): Asked => {
  if (/\/manifests\//.test(url)) return 'manifest';
  return /\/blobs\//.test(url) ? 'blob' : 'other';
};

const answerFault = (
  response: ServerResponse,
  { status, headers = {}, code }: { status: number; headers?: Readonly<Record<string, string>>; code: string },
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }));
};

/** A registry on a unix socket, which is the test bed's own but for the faults asked for. */
export const startRegistryProxy = async (socketPath: string): Promise<RegistryProxy> => {
  const [host, port] = registryAddress().split(':');
  const seen: Record<Asked, number> = { manifest: 0, blob: 0, other: 0 };
  const faults = new Map<Asked, { readonly fault: RegistryFault; left: number }>();
  const sockets = new Set<Socket>();
  let isCut = false;

  const pass = (incoming: IncomingMessage, response: ServerResponse, cutAfter: number) => {
    const onward = request({ host, port, path: incoming.url, method: incoming.method, headers: incoming.headers });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      let sent = 0;
      answer.on('data', (chunk: Buffer) => {
        sent += chunk.length;
        if (sent > cutAfter) {
          answer.destroy();
          response.write(chunk.subarray(0, Math.max(0, chunk.length - (sent - cutAfter))), () => response.destroy());
        } else if (!response.write(chunk)) {
          answer.pause();
          response.once('drain', () => answer.resume());
        }
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
      response.on('close', () => answer.destroy());
    });
    incoming.pipe(onward);
  };

  const server = createServer((incoming, response) => {
    const asked = kindOf(incoming.url ?? '');
    seen[asked] += 1;
    const found = faults.get(asked);
    if (found === undefined || found.left === 0) return pass(incoming, response, Number.POSITIVE_INFINITY);
    found.left -= 1;
    if ('cutAfter' in found.fault) return pass(incoming, response, found.fault.cutAfter);
    answerFault(response, found.fault);
  });
  server.on('connection', (socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  return {
    seen,
    fail: (asked, fault, times = Number.POSITIVE_INFINITY) => {
      faults.set(asked, { fault, left: times });
    },
    heal() {
      isCut = false;
      faults.clear();
      Object.assign(seen, { manifest: 0, blob: 0, other: 0 });
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
