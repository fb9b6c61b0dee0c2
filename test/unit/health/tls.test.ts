import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeadlineReached } from '../../../src/health/gate.ts';
import { httpGate } from '../../../src/health/http.ts';
import { exchange } from '../../../src/health/http-exchange.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
let directory: string;
let authorities: string;
let port: number;
const asked: { servername: unknown; host: string | undefined }[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-tls-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const made = await systemCommands.run(
    ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=app.example.org']
      .concat(['-addext', 'subjectAltName=DNS:app.example.org,IP:192.0.2.7'])
      .concat(['-keyout', key, '-out', cert]),
    { timeoutMs: 30_000 },
  );
  expect(made.stderr + made.exitCode).toMatch(/0$/);
  authorities = await readFile(cert, 'utf8');
  const server = createServer({ key: await readFile(key), cert: authorities }, (request, response) => {
    asked.push({
      servername: (request.socket as TLSSocket & { servername: unknown }).servername,
      host: request.headers.host,
    });
    response.end('ok');
  });
  port = await servers.listen(server);
});

afterAll(async () => {
  await servers.closeAll();
  await rm(directory, { recursive: true, force: true });
});

const get = (url: string) =>
  exchange({
    method: 'GET',
    url: new URL(url),
    at: { host: '127.0.0.1', port },
    headers: {},
    signal: AbortSignal.timeout(5000),
    authorities,
  });

describe('https at another address', () => {
  test('keeps SNI, Host header and certificate check for the name in the URL', async () => {
    expect(await get('https://app.example.org:8443/')).toMatchObject({ status: 200 });
    expect(asked.at(-1)).toEqual({ servername: 'app.example.org', host: 'app.example.org:8443' });
  });

  test('checks the certificate for an address in the URL too, without SNI', async () => {
    expect(await get('https://192.0.2.7/')).toMatchObject({ status: 200 });
    expect(asked.at(-1)).toEqual({ servername: false, host: '192.0.2.7' });
  });

  test('refuses a certificate for another name or address', async () => {
    await expect(get('https://other.example.org/')).rejects.toThrow(/app\.example\.org/);
    await expect(get('https://127.0.0.1/')).rejects.toThrow(/127\.0\.0\.1/);
  });
});

test('a gate refuses a certificate that nobody vouches for', async () => {
  const gate = httpGate(
    { ...base, type: 'http', url: `https://127.0.0.1:${port}/`, requestHeaders: {}, expect: {} },
    context(),
  );
  const result = await tryGate(gate);
  expect(result.ok).toBe(false);
  expect(result.detail).toMatch(/self-signed certificate/);
});

test('a server that accepts and never shakes hands runs into the deadline', async () => {
  const mute = await servers.tcp(() => {});
  const signal = AbortSignal.timeout(5000);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DeadlineReached(100)), 100);
  const request = {
    method: 'GET',
    url: new URL('https://a/'),
    at: { host: '127.0.0.1', port: mute },
    headers: {},
  } as const;
  await expect(exchange({ ...request, signal: AbortSignal.any([signal, controller.signal]) })).rejects.toThrow(
    'no answer within 100 ms',
  );
});
