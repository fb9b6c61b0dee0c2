import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { redisGate } from '../../../src/health/redis.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

/** A server that speaks just enough RESP: it answers each command by its name and notes it. */
const fakeRedis = (answers: Readonly<Record<string, string>>, log: string[][] = []) =>
  servers.tcp((socket: Socket) => {
    socket.on('data', (data) => {
      // *2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n: every second line after the first is a word.
      for (const command of data.toString().split(/^(?=\*)/m)) {
        const words = command.split('\r\n').filter((_, index) => index > 0 && index % 2 === 0);
        log.push(words);
        socket.write(answers[words[0]?.toUpperCase() ?? ''] ?? '-ERR unknown\r\n');
      }
    });
  });

const check = (uri: string, limitMs?: number) =>
  tryGate(redisGate({ ...base, type: 'redis', uri }, context()), limitMs);
const pong = { PING: '+PONG\r\n' };
const OK = '+OK\r\n';

describe('redis gate', () => {
  test('passes on PONG and asks nothing else, then closes the connection', async () => {
    const log: string[][] = [];
    const port = await fakeRedis(pong, log);
    const result = await check(`redis://127.0.0.1:${port}`);
    expect(result).toEqual({ ok: true, detail: expect.stringMatching(/^PONG in \d+ ms$/) });
    expect(log.map((words) => words.map((word) => word.toUpperCase()))).toEqual([['PING']]);
    await expect.poll(() => servers.connections()).toBe(0);
  });

  test('uses user, password and database of the URI', async () => {
    const log: string[][] = [];
    const port = await fakeRedis({ ...pong, AUTH: OK, SELECT: OK }, log);
    expect(await check(`redis://app:p%40ss@127.0.0.1:${port}/3`)).toMatchObject({ ok: true });
    expect(log.slice(0, 2)).toEqual([
      ['AUTH', 'app', 'p@ss'],
      ['SELECT', '3'],
    ]);
    log.length = 0;
    expect(await check(`redis://:pass@127.0.0.1:${port}/0`)).toMatchObject({ ok: true });
    expect(log[0]).toEqual(['AUTH', 'pass']);
    expect(log).toHaveLength(2);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['still loading', { PING: '-LOADING Redis is loading the dataset in memory\r\n' }, /^LOADING Redis/],
    ['a wrong answer', { PING: '+HELLO\r\n' }, /^PING was answered with "HELLO"$/],
    [
      'a password that is refused',
      { ...pong, AUTH: '-WRONGPASS invalid username-password pair hunter22\r\n' },
      /^WRONGPASS invalid username-password pair \[redacted\]$/,
    ],
    [
      'a database that does not exist',
      { ...pong, AUTH: OK, SELECT: '-ERR DB index is out of range\r\n' },
      /^ERR DB index/,
    ],
  ])('fails: %s', async (_name, answers, detail) => {
    const result = await check(
      `redis://:hunter22@127.0.0.1:${await fakeRedis({ AUTH: OK, SELECT: OK, ...answers })}/99`,
    );
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(detail);
    await expect.poll(() => servers.connections()).toBe(0);
  });

  test('fails where nothing listens, once and without retries', async () => {
    const port = await servers.unusedPort();
    expect(await check(`redis://127.0.0.1:${port}`)).toEqual({
      ok: false,
      detail: `connection refused (127.0.0.1:${port})`,
    });
  });

  test('fails where the server closes at once', async () => {
    const port = await servers.tcp((socket) => socket.end());
    expect(await check(`redis://127.0.0.1:${port}`)).toMatchObject({ ok: false });
  });

  test('a hang, with TLS and without, ends at the deadline and leaves no connection', async () => {
    const port = await servers.tcp((socket) => socket.resume());
    for (const scheme of ['redis', 'rediss'])
      expect(await check(`${scheme}://127.0.0.1:${port}`, 200)).toEqual({
        ok: false,
        detail: 'deadline: no answer within 200 ms',
      });
    await expect.poll(() => servers.connections()).toBe(0);
  });
});
