import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a server does with a request that it has read. */
export type Manner = (response: ServerResponse) => void;

export const manners = {
  ok: (response) => void response.end('ok'),
  /** Takes the request, and never answers. */
  silent: () => {},
  /** Closes the connection without an answer. */
  hangUp: (response) => void response.destroy(),
  /** Says 200, and closes the connection within the body. */
  cut: (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half of');
    setTimeout(() => response.destroy(), 20);
  },
  /** Says 400 with a body that has no end. */
  flood: (response) => {
    response.writeHead(400);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
} satisfies Record<string, Manner>;

export const answer =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Manner =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export interface Receiver {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  readonly received: readonly Received[];
  /** One for each request, in their order; the last for all that follow. */
  behave(...next: readonly Manner[]): void;
  /** Resolves once so many requests have come. */
  until(count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A real HTTP server on the loopback that keeps what it is sent; with a certificate it speaks HTTPS. */
export const startReceiver = async (certificate: Certificate | null = null): Promise<Receiver> => {
  const received: Received[] = [];
  let left: readonly Manner[] = [manners.ok];
  let wake = (): void => {};
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
    const [manner = manners.ok, ...rest] = left;
    if (rest.length > 0) left = rest;
    manner(response);
    wake();
  };
  const server = certificate === null ? createServer(handle) : createSecureServer({ ...certificate }, handle);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http${certificate === null ? '' : 's'}://127.0.0.1:${port}`, received },
    behave(...next) {
      left = next;
    },
    async until(count) {
      while (received.length < count) {
        await new Promise<void>((done) => {
          wake = done;
        });
      }
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};
