import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { GateSpec, HttpExpectation } from '../../../src/config/config.ts';
import { httpGate } from '../../../src/health/http.ts';
import { qdrantGate } from '../../../src/health/qdrant.ts';
import { webhookGate } from '../../../src/health/webhook.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

type HttpSpec = Extract<GateSpec, { type: 'http' }>;

const spec = (url: string, expectation: HttpExpectation = {}, more: Partial<HttpSpec> = {}): HttpSpec => ({
  ...base,
  type: 'http',
  url,
  requestHeaders: {},
  expect: expectation,
  ...more,
});

const answering = (status: number, headers: Record<string, string>, body: string | Buffer): RequestListener => {
  return (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
};

const check = async (handler: RequestListener, expectation: HttpExpectation = {}, limitMs?: number) => {
  const port = await servers.http(handler);
  return tryGate(httpGate(spec(`http://127.0.0.1:${port}/health`, expectation), context()), limitMs);
};

const json = (value: unknown, status = 200) =>
  answering(status, { 'content-type': 'application/json' }, JSON.stringify(value));

describe('what passes', () => {
  test('a plain 200, with the status and the start of the body as detail', async () => {
    const result = await check(answering(200, {}, `fine\n\n${'x'.repeat(500)}`));
    expect(result.ok).toBe(true);
    expect(result.detail).toMatch(/^200 in \d+ ms: fine x+…$/);
    expect(result.detail.length).toBeLessThan(230);
  });

  test('204 without a body', async () => {
    expect(await check(answering(204, {}, ''))).toMatchObject({ ok: true });
  });

  test('a body that was compressed although nobody asked', async () => {
    const body = gzipSync('{"status":"ok"}');
    const result = await check(answering(200, { 'content-encoding': 'gzip' }, body), { json: { '$.status': 'ok' } });
    expect(result).toMatchObject({ ok: true });
    expect(result.detail).toContain('{"status":"ok"}');
  });

  test('every expectation met at once', async () => {
    const handler = answering(
      503,
      { 'content-type': 'application/json', 'x-version': 'api v0.0.2' },
      '{"a":{"b":[{"c":7}]},"n":null}',
    );
    const result = await check(handler, {
      status: [503, 500],
      body: '"b"',
      json: { '$.a.b[0].c': 7, '$.n': null },
      headers: { 'X-Version': 'v0.0.2' },
      withinMs: 1000,
    });
    expect(result).toMatchObject({ ok: true });
  });
});

describe('what does not pass', () => {
  test.each([
    ['a 500', answering(500, {}, 'boom'), /^status 500, not 2xx; answer: 500 in \d+ ms: boom$/],
    ['the 503 of a fence', answering(503, { 'retry-after': '5' }, ''), /^status 503, not 2xx; answer: 503 in \d+ ms$/],
    [
      'a redirect, which is named without its query',
      answering(302, { location: '/login?token=hush' }, ''),
      /^status 302, not 2xx \(redirects are not followed; this one goes to \/login\); answer/,
    ],
    [
      'an error body under a 200',
      json({ status: 'error', message: 'db' }),
      /^the body's status is "error"; answer: 200/,
    ],
    ['JSON that is not', answering(200, { 'content-type': 'application/json' }, '<html>'), /does not parse/],
    [
      'a body that is not the gzip it says',
      answering(200, { 'content-encoding': 'gzip' }, 'plain'),
      /does not decode as gzip/,
    ],
    ['a body over 1 MiB', answering(200, {}, 'x'.repeat(1024 * 1024 + 1)), /^200 with a body of more than 1 MiB$/],
    [
      'a small body that decodes to a huge one',
      answering(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(4 * 1024 * 1024))),
      /does not decode as gzip/,
    ],
  ])('%s', async (_name, handler, detail) => {
    const result = await check(handler);
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(detail);
  });

  test.each<[string, HttpExpectation, RequestListener, string]>([
    ['another status', { status: [200, 204] }, answering(201, {}, ''), 'status 201, not 200 or 204'],
    ['a missing text', { body: 'v0.0.2' }, answering(200, {}, 'v0.0.1'), 'the body has no "v0.0.2"'],
    ['another JSON value', { json: { '$.up': true } }, json({ up: 'true' }), '$.up is "true", not true'],
    ['a missing JSON value', { json: { '$.a[3]': 1 } }, json({ a: [] }), 'the body has no $.a[3]'],
    ['no JSON at all', { json: { '$.a': 1 } }, answering(200, {}, 'ok'), 'the body is not JSON'],
    ['a missing header', { headers: { 'x-v': '2' } }, answering(200, {}, ''), 'there is no header x-v'],
    [
      'another header',
      { headers: { 'x-v': '2' } },
      answering(200, { 'x-v': '1' }, ''),
      'the header x-v is "1", without "2"',
    ],
    ['an error body where only the time was said', { withinMs: 900 }, json({ ok: false }), "the body's ok is false"],
  ])('%s', async (_name, expectation, handler, problem) => {
    const result = await check(handler, expectation);
    expect(result.ok).toBe(false);
    expect(result.detail.startsWith(`${problem}; answer: `)).toBe(true);
  });

  test('an answer that takes longer than it may', async () => {
    const handler: RequestListener = (_request, response) => void setTimeout(() => response.end('late'), 120);
    const result = await check(handler, { withinMs: 50 });
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(/^the answer took 1\d\d ms, more than 50 ms; answer: 200/);
  });

  test('an error body passes once the gate says what it expects of the body', async () => {
    expect(await check(json({ status: 'error', db: 'up' }), { json: { '$.db': 'up' } })).toMatchObject({ ok: true });
  });
});

describe('a server that hangs or breaks off', () => {
  const hang: RequestListener = () => {};
  const headersOnly: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.flushHeaders();
  };
  const drip: RequestListener = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  };

  test.each([
    ['before the headers', hang, /^deadline: no answer within 300 ms$/],
    ['after the headers', headersOnly, /^deadline: no complete answer within 300 ms: 200 and 0 bytes so far$/],
    ['by dripping', drip, /^deadline: no complete answer within 300 ms: 200 and \d+ bytes so far$/],
  ])('hangs %s', async (_name, handler, detail) => {
    const result = await check(handler, {}, 300);
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(detail);
    await expect.poll(() => servers.connections()).toBe(0);
  });

  test('breaks off in the middle of the body', async () => {
    const result = await check((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(result).toEqual({ ok: false, detail: '200, then the connection was closed after 4 bytes of the body' });
  });

  test('closes without a word, or speaks something else', async () => {
    for (const onSocket of ['', 'SSH-2.0-OpenSSH_9.2\r\n']) {
      const port = await servers.tcp((socket) => socket.end(onSocket));
      const result = await tryGate(httpGate(spec(`http://127.0.0.1:${port}/`), context()));
      expect(result.ok).toBe(false);
    }
  });

  test('switches protocols', async () => {
    const port = await servers.tcp((socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    expect(await tryGate(httpGate(spec(`http://127.0.0.1:${port}/`), context()))).toMatchObject({ ok: false });
  });

  test('is not there', async () => {
    const port = await servers.unusedPort();
    expect(await tryGate(httpGate(spec(`http://127.0.0.1:${port}/`), context()))).toEqual({
      ok: false,
      detail: `connection refused (127.0.0.1:${port})`,
    });
  });

  test('has a name that does not exist', async () => {
    const result = await tryGate(httpGate(spec('http://nowhere.invalid/'), context()));
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(/no such host|could not be looked up/);
  });
});

describe('the request', () => {
  const seen: IncomingMessage[] = [];
  const record = (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request);
    response.writeHead(200, { 'set-cookie': 'a=b' }).end();
  };
  afterEach(() => {
    seen.length = 0;
  });

  test('goes to the address reached, with the Host header of the URL', async () => {
    const port = await servers.http(record);
    const asked: unknown[] = [];
    const gate = httpGate(
      spec('http://app.example.org:8080/api/health?deep=1'),
      context({
        reach: async (host, given) => {
          asked.push([host, given]);
          return { host: '127.0.0.1', port, via: 'container-address', service: null };
        },
      }),
    );
    expect(await tryGate(gate)).toMatchObject({ ok: true });
    expect(asked).toEqual([['app.example.org', 8080]]);
    expect(seen[0]?.headers.host).toBe('app.example.org:8080');
    expect(seen[0]?.url).toBe('/api/health?deep=1');
  });

  test('ports default to those of the scheme', async () => {
    const asked: number[] = [];
    const reach = async (_host: string, port: number) => {
      asked.push(port);
      throw new Error('no engine');
    };
    expect(await tryGate(httpGate(spec('http://a/'), context({ reach })))).toEqual({ ok: false, detail: 'no engine' });
    await tryGate(httpGate(spec('https://a/'), context({ reach })));
    expect(asked).toEqual([80, 443]);
  });

  test('carries its headers and the credentials of the URL, keeps no cookies and no connection', async () => {
    const port = await servers.http(record);
    const gate = httpGate(
      spec(`http://u:p%40ss@127.0.0.1:${port}/`, {}, { requestHeaders: { Host: 'other', 'x-key': 'k' } }),
      context(),
    );
    await tryGate(gate);
    await tryGate(gate);
    expect(seen).toHaveLength(2);
    const [first, second] = seen;
    expect(first?.headers).toMatchObject({ host: 'other', 'x-key': 'k', connection: 'close' });
    expect(first?.headers.authorization).toBe(`Basic ${Buffer.from('u:p@ss').toString('base64')}`);
    expect(second?.headers.cookie).toBeUndefined();
    expect(first?.socket).not.toBe(second?.socket);
  });

  test('a header that can not be sent fails the gate instead of the deploy', async () => {
    const gate = httpGate(spec('http://127.0.0.1:1/', {}, { requestHeaders: { 'x-bad': 'a\nb' } }), context());
    expect(await tryGate(gate)).toMatchObject({ ok: false });
  });

  test('rejects with the reason when it is aborted, before and during', async () => {
    const port = await servers.http(() => {});
    const gate = httpGate(spec(`http://127.0.0.1:${port}/`), context());
    const reason = new Error('Ctrl-C');
    await expect(gate.check(AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const checking = gate.check(controller.signal);
    setTimeout(() => controller.abort(reason), 30);
    await expect(checking).rejects.toBe(reason);
  });

  test('a stated time raises the deadline, a short one does not lower it', () => {
    expect(httpGate(spec('http://a/', { withinMs: 8000 }), context()).timeoutMs).toBe(8000);
    expect(httpGate(spec('http://a/', { withinMs: 10 }), context()).timeoutMs).toBe(1000);
  });

  test('a JSON path that can not be read is an error of the configuration', () => {
    expect(() => httpGate(spec('http://a/', { json: { 'a.b': 1 } }), context())).toThrow(/JSON path "a.b"/);
  });
});

test('secrets that a server echoes are masked, also where the detail cuts them', async () => {
  const port = await servers.http((request, response) => {
    response.end(`${'x'.repeat(190)}${request.headers['x-api-key']} ${request.headers.authorization}`);
  });
  const requestHeaders = { 'x-api-key': 'key-that-nobody-may-see', authorization: 'Bearer tok-1234567' };
  const result = await tryGate(httpGate(spec(`http://127.0.0.1:${port}/`, {}, { requestHeaders }), context()));
  expect(result.ok).toBe(true);
  expect(result.detail).not.toContain('key-th');
  expect(result.detail).not.toContain('tok-');
});

test('terminal escapes and line breaks of a body do not reach the detail', async () => {
  const result = await check(answering(500, {}, 'a\u001b[31m\r\n\u202eb\u0000c'));
  expect(result.detail).toMatch(/: a \[31m b c$/);
});

describe('webhook', () => {
  const hook = (port: number, more: Partial<Extract<GateSpec, { type: 'webhook' }>> = {}) =>
    webhookGate(
      {
        ...base,
        type: 'webhook',
        url: `http://127.0.0.1:${port}/hook`,
        requestHeaders: {},
        payload: '{}',
        expect: { status: [202] },
        ...more,
      },
      context(),
    );
  const receiving = async (got: { body: string; type: string | undefined; method: string | undefined }[]) =>
    servers.http((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        got.push({ body, type: request.headers['content-type'], method: request.method });
        response.writeHead(202).end();
      });
    });

  test('posts its payload as JSON and wants the expected status', async () => {
    const got: { body: string; type: string | undefined; method: string | undefined }[] = [];
    const port = await receiving(got);
    expect(await tryGate(hook(port, { payload: '{"größe":1}' }))).toMatchObject({ ok: true });
    expect(got).toEqual([{ body: '{"größe":1}', type: 'application/json', method: 'POST' }]);
    expect(await tryGate(hook(port, { expect: {} }))).toMatchObject({ ok: true });
    expect(await tryGate(hook(port, { expect: { status: [200] } }))).toMatchObject({ ok: false });
  });

  test('a content type of its own stands', async () => {
    const got: { body: string; type: string | undefined; method: string | undefined }[] = [];
    const port = await receiving(got);
    await tryGate(hook(port, { requestHeaders: { 'Content-Type': 'text/plain' } }));
    expect(got[0]?.type).toBe('text/plain');
  });
});

describe('qdrant', () => {
  const gate = (url: string, apiKey: string | null = null) =>
    qdrantGate({ ...base, type: 'qdrant', url, apiKey }, context());

  test('asks /readyz with its key and wants exactly 200', async () => {
    const seen: unknown[] = [];
    let status = 200;
    const port = await servers.http((request, response) => {
      seen.push([request.url, request.headers['api-key']]);
      response.writeHead(status).end('all shards are ready');
    });
    expect(await tryGate(gate(`http://127.0.0.1:${port}`, 'secret-key'))).toMatchObject({ ok: true });
    expect(await tryGate(gate(`http://127.0.0.1:${port}/base/`))).toMatchObject({ ok: true });
    expect(seen).toEqual([
      ['/readyz', 'secret-key'],
      ['/base/readyz', undefined],
    ]);
    status = 202;
    expect(await tryGate(gate(`http://127.0.0.1:${port}`))).toMatchObject({ ok: false });
  });
});
