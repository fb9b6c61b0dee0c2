import type { Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';
import { afterEach, describe, expect, test } from 'vitest';
import type { Reached } from '../../../src/compose/address.ts';
import { mongoGate } from '../../../src/health/mongo.ts';
import { mongoEndpoints } from '../../../src/health/mongo-endpoints.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

const HELLO = {
  ok: 1,
  helloOk: true,
  minWireVersion: 0,
  maxWireVersion: 21,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
};
const OP_QUERY = 2004;

/** A server that speaks just enough of the wire protocol: one reply per command name, `hello` for the rest. */
const fakeMongo = (hello: Document, replies: Readonly<Record<string, Document | 'hang'>> = {}, log: string[] = []) =>
  servers.tcp((socket: Socket) => {
    let pending = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const message = pending.subarray(0, pending.readInt32LE(0));
        pending = pending.subarray(message.length);
        answer(socket, message);
      }
    });
    const answer = (to: Socket, message: Buffer) => {
      const query = message.readInt32LE(12) === OP_QUERY;
      // OP_QUERY: flags, "admin.$cmd\0", skip, limit, document. OP_MSG: flags, kind byte, document.
      const command = BSON.deserialize(message.subarray(query ? message.indexOf(0, 20) + 9 : 21));
      const name = Object.keys(command)[0] ?? '';
      log.push(name);
      const reply = replies[name] ?? (/^(hello|ismaster)$/i.test(name) ? { ...HELLO, ...hello } : { ok: 1 });
      if (reply !== 'hang') to.write(frame(message.readInt32LE(4), query, BSON.serialize(reply)));
    };
  });

const frame = (requestId: number, query: boolean, document: Uint8Array): Buffer => {
  const head = query ? Buffer.alloc(36) : Buffer.alloc(21);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(query ? 1 : 2013, 12);
  if (query) head.writeInt32LE(1, 32);
  return Buffer.concat([head, document]);
};

const translate = (port: number): ((host: string, port: number) => Promise<Reached>) => {
  return async () => ({ host: '127.0.0.1', port, via: 'container-address', service: null });
};

const check = (port: number, { primary = false, uri = 'mongodb://mongo:27017/kaleem', limitMs = 3000 } = {}) =>
  tryGate(mongoGate({ ...base, type: 'mongo', uri, primary }, context({ reach: translate(port) })), limitMs);

describe('mongo gate', () => {
  test('passes on a ping, and closes its connections', async () => {
    const log: string[] = [];
    const port = await fakeMongo({ isWritablePrimary: true }, {}, log);
    expect(await check(port, { primary: true })).toEqual({ ok: true, detail: 'ping answered by a primary' });
    expect(log).toContain('ping');
    await expect.poll(() => servers.connections()).toBe(0);
  });

  test('a secondary answers a ping, but is no primary', async () => {
    const secondary = { setName: 'rs0', hosts: ['mongo:27017'], secondary: true, isWritablePrimary: false };
    const port = await fakeMongo(secondary);
    expect(await check(port, { uri: 'mongodb://mongo:27017/?replicaSet=rs0' })).toEqual({
      ok: true,
      detail: 'ping answered by a secondary',
    });
    expect(await check(port, { primary: true })).toEqual({
      ok: false,
      detail: 'ping answered, but not by a primary; there is no primary',
    });
    const other = await fakeMongo({ ...secondary, primary: 'mongo2:27017' });
    expect((await check(other, { primary: true })).detail).toMatch(/the primary is mongo2:27017$/);
  });

  test('a replica set that was not initiated is named as such', async () => {
    const port = await fakeMongo({ isreplicaset: true, isWritablePrimary: false });
    expect(await check(port, { primary: true })).toEqual({
      ok: false,
      detail: 'ping answered, but the replica set has not been initiated',
    });
  });

  test('of several members one primary is enough', async () => {
    const ports = new Map([
      ['a', await fakeMongo({ setName: 'rs0', secondary: true, isWritablePrimary: false })],
      ['b', await fakeMongo({ setName: 'rs0', isWritablePrimary: true })],
      ['c', await servers.unusedPort()],
    ]);
    const reach = async (host: string): Promise<Reached> => ({
      host: '127.0.0.1',
      port: ports.get(host) ?? 0,
      via: 'container-address',
      service: null,
    });
    const gate = mongoGate(
      { ...base, type: 'mongo', uri: 'mongodb://a,b,c/?replicaSet=rs0', primary: true },
      context({ reach }),
    );
    expect(await tryGate(gate, 3000)).toMatchObject({ ok: true });
    ports.delete('b');
    const result = await tryGate(gate, 3000);
    expect(result.ok).toBe(false);
    expect(result.detail).toContain('not by a primary');
    expect(result.detail).toContain('; ');
  });

  test('wrong credentials are called that, without the password', async () => {
    const refused = { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'Authentication failed: hunter22' };
    const port = await fakeMongo({ isWritablePrimary: true }, { saslStart: refused });
    expect(await check(port, { uri: 'mongodb://app:hunter22@mongo/kaleem?authMechanism=SCRAM-SHA-256' })).toEqual({
      ok: false,
      detail: 'MongoDB refused the user name or password',
    });
  });

  test('any other refusal is told in its own words, with the password masked', async () => {
    const port = await fakeMongo(
      { isWritablePrimary: true },
      { ping: { ok: 0, code: 13, errmsg: 'not allowed: hunter22' } },
    );
    expect(await check(port, { uri: 'mongodb://mongo/?appName=hunter22' })).toMatchObject({
      detail: 'not allowed: hunter22',
    });
    const withPassword = await fakeMongo({}, { saslStart: { ok: 0, code: 99, errmsg: 'odd: hunter22' } });
    const result = await check(withPassword, { uri: 'mongodb://app:hunter22@mongo/?authMechanism=SCRAM-SHA-256' });
    expect(result.ok).toBe(false);
    expect(result.detail).not.toContain('hunter22');
  });

  test('fails where nothing listens, within its timeout', async () => {
    const port = await servers.unusedPort();
    const result = await check(port);
    expect(result).toMatchObject({ ok: false });
    expect(result.detail).toContain('ECONNREFUSED');
  });

  test('a hang, at the first word or at the ping, ends at the deadline and leaves no connection', async () => {
    const mute = await servers.tcp((socket) => socket.resume());
    const slow = await fakeMongo({ isWritablePrimary: true }, { ping: 'hang' });
    for (const port of [mute, slow])
      expect(await check(port, { limitMs: 300 })).toEqual({ ok: false, detail: 'deadline: no answer within 300 ms' });
    await expect.poll(() => servers.connections(), { timeout: 5000 }).toBe(0);
  });
});

describe('mongoEndpoints', () => {
  const given = async ({ host, port }: { host: string; port: number }): Promise<Reached> => ({
    host,
    port,
    via: 'as-given',
    service: null,
  });
  const moved = async ({ port }: { host: string; port: number }): Promise<Reached> => ({
    host: '172.18.0.2',
    port,
    via: 'container-address',
    service: 'mongo',
  });

  test.each([
    'mongodb://db.example.org/kaleem',
    'mongodb://a:1,b:2/?replicaSet=rs0',
    'mongodb+srv://cluster.example.org/',
    'nonsense',
  ])('leaves %s as it is when its hosts are reached as given', async (uri) => {
    expect(await mongoEndpoints(uri, given)).toEqual([{ uri, tls: {} }]);
  });

  test.each([
    ['mongodb://mongo/kaleem', 'mongodb://172.18.0.2:27017/kaleem?directConnection=true'],
    ['mongodb://mongo:27018', 'mongodb://172.18.0.2:27018/?directConnection=true'],
    [
      'mongodb://u:p%40s@mongo/kaleem?replicaSet=rs0&authSource=admin',
      'mongodb://u:p%40s@172.18.0.2:27017/kaleem?authSource=admin&directConnection=true',
    ],
    ['mongodb://mongo/?directConnection=false', 'mongodb://172.18.0.2:27017/?directConnection=true'],
  ])('%s', async (uri, expected) => {
    expect(await mongoEndpoints(uri, moved)).toEqual([{ uri: expected, tls: {} }]);
  });

  test('understands IPv6 on both sides', async () => {
    const asked: unknown[] = [];
    const endpoints = await mongoEndpoints('mongodb://[::1]:27018/', async (target) => {
      asked.push(target);
      return { host: 'fd00::2', port: 27017, via: 'container-address', service: 'mongo' };
    });
    expect(asked).toEqual([{ host: '::1', port: 27018 }]);
    expect(endpoints[0]?.uri).toBe('mongodb://[fd00::2]:27017/?directConnection=true');
  });

  test('keeps the certificate check for the name, unless the user turned it off', async () => {
    const [strict] = await mongoEndpoints('mongodb://mongo/?tls=true', moved);
    expect(strict?.tls.servername).toBe('mongo');
    expect(strict?.tls.checkServerIdentity).toBeTypeOf('function');
    const [lax] = await mongoEndpoints('mongodb://mongo/?tls=true&tlsAllowInvalidHostnames=true', moved);
    expect(lax?.tls).toEqual({});
  });
});
