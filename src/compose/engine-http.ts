import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { Endpoint } from './endpoint.ts';

/** How the engine's own API is reached: a socket, or a host and port with the user's certificates. */
export interface EngineAddress {
  readonly secure: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  readonly url: string;
}

/** Null where only the docker command can get there (SSH). */
export const engineAddress = async (
  endpoint: Endpoint,
  environment: Readonly<Record<string, string>>,
): Promise<EngineAddress | null> => {
  const { url } = endpoint;
  if (endpoint.kind === 'unix') return { secure: false, options: { socketPath: url.replace(/^unix:\/\//, '') }, url };
  if (endpoint.kind !== 'tcp') return null;
  const { port } = new URL(url.replace(/^tcp:/, 'http:'));
  const secure = url.startsWith('https:') || Boolean(environment.DOCKER_TLS_VERIFY || environment.DOCKER_TLS);
  const options = { host: endpoint.host, port: Number(port || (secure ? 2376 : 2375)) };
  if (!secure) return { secure, options, url };
  const directory = environment.DOCKER_CERT_PATH || join(environment.HOME || '/', '.docker');
  const read = (file: string) => readFile(join(directory, file)).catch(() => undefined);
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  return { secure, options: { ...options, ca, cert, key }, url };
};

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * One request, a GET unless told, with `json` as its body (null: none). Rejects when the engine can't be reached, when the
 * answer is longer than `most` bytes, and when aborted.
 */
export const exchange = (
  { secure, options }: EngineAddress,
  path: string,
  asked: {
    readonly method?: 'GET' | 'POST' | 'DELETE';
    readonly json?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly most: number;
  },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', json = null } = asked;
    const body = json === null ? '' : JSON.stringify(json);
    const type = body === '' ? {} : { 'Content-Type': 'application/json' };
    const length = method !== 'POST' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const request = (secure ? httpsRequest : httpRequest)({
      ...options,
      path,
      method,
      headers: { Host: 'docker', ...type, ...length, ...asked.headers },
      signal: asked.signal,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > asked.most) request.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.end(body);
  });
