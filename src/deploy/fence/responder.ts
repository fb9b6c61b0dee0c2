import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The header by which the fence knows its own answer. */
export const FENCE_HEADER = 'x-kaleem-deploy-fence';

export interface Responder {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers every request with 503, Retry-After and `Connection: close`. It listens on all addresses, since the firewall
 * hands it connections to any of them; it reads no request body and can do nothing else.
 *
 * @param operation - shown in the answer's header, so that the fence can check that it is this one that answers
 * @param retryAfterSeconds - when a client may come back
 * @param keepsProcess - whether the process stays alive for it
 */
export const startResponder = async (
  operation: string,
  retryAfterSeconds: number,
  { keepsProcess = false } = {},
): Promise<Responder> => {
  const body = 'Service is being updated. Please try again in a moment.\n';
  const server = createServer((_request, response) => {
    response.writeHead(503, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'retry-after': String(retryAfterSeconds),
      'cache-control': 'no-store',
      connection: 'close',
      [FENCE_HEADER]: operation,
    });
    response.end(body);
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.on('clientError', (_error, socket) => socket.destroy());
  if (!keepsProcess) server.unref();
  const listen = (host: string) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: 0 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  // A host without IPv6 has no `::`.
  await listen('::').catch(() => listen('0.0.0.0'));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
