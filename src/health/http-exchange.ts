import * as http from 'node:http';
import * as https from 'node:https';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { systemClock } from '../system/clock.ts';
import { duration } from './detail.ts';
import { DeadlineReached, GateFailure } from './gate.ts';
import { tlsIdentity } from './tls-identity.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Dialed instead of the URL's host; Host header, SNI and certificate check keep the URL's. */
  readonly at: { readonly host: string; readonly port: number };
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Longest body, in bytes, before and after decoding. Default 1 MiB. */
  readonly maxBytes?: number;
  /** PEM certificates to trust instead of Node's own. */
  readonly authorities?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Decoded. */
  readonly body: Buffer;
  /** From the start of the dialing to the last byte. */
  readonly elapsedMs: number;
}

const MIB = 1024 * 1024;

/**
 * One request on a fresh connection: no proxy, no cookies, no redirects followed. Resolves with the whole answer,
 * whatever its status. Throws a GateFailure for an answer that is cut short, too large or can't be decoded; a
 * DeadlineReached that says how far it came when the signal is aborted with one; else the socket's error.
 */
export const exchange = async (request: HttpRequest): Promise<HttpAnswer> => {
  const started = systemClock.monotonic();
  const { status, headers, raw } = await send(request);
  return {
    status,
    headers,
    body: await decode(raw, headers['content-encoding'], request.maxBytes ?? MIB),
    elapsedMs: systemClock.monotonic() - started,
  };
};

interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly raw: Buffer;
}

const send = ({ method, url, at, headers, body, signal, maxBytes = MIB, authorities }: HttpRequest) =>
  new Promise<RawAnswer>((resolve, reject) => {
    signal.throwIfAborted();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let progress: string | undefined;
    const request = (url.protocol === 'https:' ? https : http).request({
      method,
      host: at.host,
      port: at.port,
      path: `${url.pathname}${url.search}`,
      // A kept connection would lead to the container that answered last time.
      agent: false,
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'kaleem-deploy',
        host: url.host,
        ...headers,
      },
      ...credentials(url),
      ...(url.protocol === 'https:' ? tlsIdentity(hostOf(url)) : {}),
      ...(authorities === undefined ? {} : { ca: authorities }),
    });
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      act();
      request.destroy();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    const onAbort = () => {
      const { reason } = signal;
      fail(reason instanceof DeadlineReached ? new DeadlineReached(reason.limitMs, progress) : reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('error', fail);
    // Also an answer that switches protocols ends here.
    request.on('close', () => fail(new GateFailure('the connection was closed without an answer')));
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      progress = `${status} and 0 bytes so far`;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        progress = `${status} and ${bytes} bytes so far`;
        if (bytes > maxBytes) fail(new GateFailure(`${status} with a body of more than ${maxBytes / MIB} MiB`));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        settle(() => resolve({ status, headers: response.headers, raw: Buffer.concat(chunks) })),
      );
      const cut = () =>
        fail(new GateFailure(`${status}, then the connection was closed after ${bytes} bytes of the body`));
      response.on('error', cut);
      response.on('aborted', cut);
    });
    request.end(body);
  });

/** The URL's host as TLS and look-ups want it: IPv6 without brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

export const portOf = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);

const credentials = ({ username, password }: URL) =>
  username === '' && password === '' ? {} : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` };

const DECODERS: Readonly<Record<string, (raw: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(zlib.gunzip),
  'x-gzip': promisify(zlib.gunzip),
  deflate: promisify(zlib.inflate),
  br: promisify(zlib.brotliDecompress),
};

/** Some servers compress although we asked them not to. */
const decode = async (raw: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> => {
  const decoder = DECODERS[encoding?.trim().toLowerCase() ?? ''];
  if (decoder === undefined || raw.length === 0) return raw;
  try {
    return await decoder(raw, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new GateFailure(`the body does not decode as ${encoding}: ${(error as Error).message}`);
  }
};

/** `200 in 12 ms`. */
export const statusLine = ({ status, elapsedMs }: HttpAnswer): string => `${status} in ${duration(elapsedMs)}`;

/** Lower case, without parameters; empty when there is none. */
export const contentType = ({ headers }: HttpAnswer): string =>
  (headers['content-type'] ?? '').split(';', 1).join('').trim().toLowerCase();
