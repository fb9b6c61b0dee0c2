import { describe, expect, test } from 'vitest';
import { abortable } from '../../../src/health/abortable.ts';
import { describeError, duration, oneLine, shortId } from '../../../src/health/detail.ts';
import { createGate } from '../../../src/health/gates.ts';
import { secretHeaders, uriSecrets } from '../../../src/health/secrets.ts';
import { base, context } from './support.ts';

describe('oneLine', () => {
  test.each([
    ['a\n b\t\u0007c', 'a b c'],
    ['mongodb://user:p4ss@host/db and redis://:x@y', 'mongodb://***@host/db and redis://***@y'],
    ['https://host/path@2x', 'https://host/path@2x'],
  ])('%j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });

  test('is cut with a mark', () => {
    expect(oneLine('abcdef', 4)).toBe('abc…');
    expect(oneLine('abcd', 4)).toBe('abcd');
  });
});

test('a huge line is made short in no time', () => {
  const started = performance.now();
  for (const piece of ['a', ' ', 'a://', 'a@'])
    expect(oneLine(piece.repeat(1024 * 1024)).length).toBeLessThanOrEqual(600);
  expect(performance.now() - started).toBeLessThan(1000);
});

test('durations are short', () => {
  expect([12.4, 999, 1000, 2500, 20_000, 200_000].map(duration)).toEqual([
    '12 ms',
    '999 ms',
    '1 s',
    '2.5 s',
    '20 s',
    '200 s',
  ]);
});

test('ids are as docker shows them', () => {
  expect(shortId(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});

describe('describeError', () => {
  const system = (code: string, more: object = {}) => Object.assign(new Error(`raw ${code}`), { code, ...more });
  test.each<[unknown, string]>([
    [system('ECONNREFUSED', { address: '::1', port: 1 }), 'connection refused (::1:1)'],
    [system('ENOTFOUND', { hostname: 'mongo' }), 'no such host (mongo)'],
    [system('ECONNRESET'), 'the connection was reset'],
    [system('ESOMETHING'), 'raw ESOMETHING'],
    [Object.assign(new Error(''), { code: 'EODD' }), 'EODD'],
    [new Error(''), 'failed without a reason'],
    ['text', 'text'],
    [new AggregateError([system('ECONNRESET'), system('ECONNRESET'), new Error('x')]), 'the connection was reset; x'],
  ])('%s', (error, words) => {
    expect(describeError(error)).toBe(words);
  });
});

describe('abortable', () => {
  test('is the promise while nothing is aborted', async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(1), signal)).toBe(1);
    await expect(abortable(Promise.reject(new Error('own')), signal)).rejects.toThrow('own');
  });

  test('rejects with the reason, before and during', async () => {
    const reason = new Error('stop');
    const forever = new Promise(() => {});
    await expect(abortable(forever, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = abortable(forever, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

test('secrets are found in URIs and headers', () => {
  expect(uriSecrets('mongodb://u:p%40ss@a,b/db')).toEqual(['p%40ss', 'p@ss']);
  expect(uriSecrets('redis://:hunter22@a')).toEqual(['hunter22']);
  expect(uriSecrets('redis://:bad%zz@a')).toEqual(['bad%zz']);
  expect(uriSecrets('http://a/b:c@d')).toEqual([]);
  expect(uriSecrets('amqp://user@a')).toEqual([]);
  expect(secretHeaders({ Authorization: 'Bearer abc', accept: 'text/plain', 'X-Api-Key': 'k1' })).toEqual([
    'Bearer abc',
    'abc',
    'k1',
  ]);
});

test('every type of gate can be made, and keeps its settings', () => {
  const http = { url: 'http://a/', requestHeaders: {}, expect: {} };
  const gates = [
    { type: 'http', ...http },
    { type: 'webhook', ...http, payload: '{}' },
    { type: 'page', url: 'http://a/' },
    { type: 'tcp', host: 'a', port: 1 },
    { type: 'mongo', uri: 'mongodb://a', primary: true },
    { type: 'redis', uri: 'redis://a' },
    { type: 'rabbitmq', uri: 'amqp://a' },
    { type: 'qdrant', url: 'http://a', apiKey: null },
    { type: 'container', service: 'a' },
    { type: 'command', argv: ['true'], service: null },
  ] as const;
  for (const gate of gates)
    expect(createGate({ ...base, ...gate, name: gate.type, attempts: 3 }, context())).toMatchObject({
      name: gate.type,
      attempts: 3,
      intervalMs: 1000,
      timeoutMs: 1000,
    });
});
