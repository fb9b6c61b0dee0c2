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

/** Asked before a request is passed on; `count`: how many of its kind came since the last `heal`, this one included. */
export type Intercept = (asked: Asked, count: number) => RegistryFault | null | Promise<RegistryFault | null>;

export interface RegistryProxy {
  /** How many requests of each kind came since the last `heal`. */
  readonly seen: Readonly<Record<Asked, number>>;
  intercept(intercept: Intercept): void;
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
  let intercept: Intercept = () => null;
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

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = kindOf(incoming.url ?? '');
    seen[asked] += 1;
    const fault = await intercept(asked, seen[asked]);
    if (fault === null) pass(incoming, response, Number.POSITIVE_INFINITY);
    else if ('cutAfter' in fault) pass(incoming, response, fault.cutAfter);
    else answerFault(response, fault);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
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
    intercept: (next) => {
      intercept = next;
    },
    heal() {
      isCut = false;
      intercept = () => null;
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
