import { describe, expect, test } from 'vitest';
import { maskUri, rewriteMongoUri } from '../../../src/backup/mongo-uri.ts';
import type { Reached } from '../../../src/compose/address.ts';

const inside = async (host: string, port: number): Promise<Reached> =>
  host.startsWith('mongo')
    ? {
        host: `172.18.0.${host.at(-1) === 'o' ? 2 : Number(host.at(-1)) + 2}`,
        port,
        via: 'container-address',
        service: host,
      }
    : { host, port, via: 'as-given', service: null };
const rewrite = async (uri: string) => (await rewriteMongoUri(uri, inside)).uri;

describe('a MongoDB URI whose host is a service', () => {
  test.each([
    ['mongodb://mongo:27017/kaleem', 'mongodb://172.18.0.2:27017/kaleem?directConnection=true'],
    ['mongodb://mongo', 'mongodb://172.18.0.2:27017/?directConnection=true'],
    ['mongodb://mongo/?retryWrites=true', 'mongodb://172.18.0.2:27017/?retryWrites=true&directConnection=true'],
    [
      'mongodb://mongo:27018/k?replicaSet=rs0&w=majority',
      'mongodb://172.18.0.2:27018/k?w=majority&directConnection=true',
    ],
    [
      'mongodb://user:p%40ss@mongo/k?authSource=admin',
      'mongodb://user:p%40ss@172.18.0.2:27017/k?authSource=admin&directConnection=true',
    ],
    ['mongodb://mongo/k?directConnection=false', 'mongodb://172.18.0.2:27017/k?directConnection=true'],
  ])('%s', async (uri, expected) => expect(await rewrite(uri)).toBe(expected));

  test('says how the host is reached', async () => {
    const { notes } = await rewriteMongoUri('mongodb://mongo/k', inside);
    expect(notes).toEqual(["mongo:27017 (service mongo) is dialled at 172.18.0.2:27017, its container's address"]);
  });

  test('of several hosts each gets a URI of its own', async () => {
    const { uri, others } = await rewriteMongoUri('mongodb://mongo0,mongo1:27018,mongo2/k?replicaSet=rs', inside);
    expect([uri, ...others]).toEqual([
      'mongodb://172.18.0.2:27017/k?directConnection=true',
      'mongodb://172.18.0.3:27018/k?directConnection=true',
      'mongodb://172.18.0.4:27017/k?directConnection=true',
    ]);
  });

  test('an IPv6 address gets its brackets', async () => {
    const reach = async (): Promise<Reached> => ({
      host: 'fd00::2',
      port: 27017,
      via: 'container-address',
      service: 'mongo',
    });
    expect((await rewriteMongoUri('mongodb://mongo/k', reach)).uri).toBe(
      'mongodb://[fd00::2]:27017/k?directConnection=true',
    );
  });

  test('keeps the name for certificates when TLS is on', async () => {
    expect((await rewriteMongoUri('mongodb://mongo/k?tls=true', inside)).tlsServerName).toBe('mongo');
    expect((await rewriteMongoUri('mongodb://mongo/k', inside)).tlsServerName).toBeNull();
  });
});

describe('a MongoDB URI that is left alone', () => {
  test.each([
    'mongodb+srv://user:pass@cluster0.example.net/k',
    'mongodb://db.example.com:27017/k?replicaSet=rs0',
    'mongodb://a.example.com,b.example.com/k?replicaSet=rs0',
    'mongodb://[::1]:27017/k',
    'mongodb://%2Ftmp%2Fmongodb-27017.sock/k',
  ])('%s', async (uri) =>
    expect(await rewriteMongoUri(uri, inside)).toEqual({ uri, others: [], tlsServerName: null, notes: [] }),
  );
});

describe('a MongoDB URI that is none', () => {
  test.each([
    'redis://mongo',
    'mongodb://',
    'mongodb:///k',
    'mongodb://user:hunter2@/k',
    'mongodb://user:hunter2@mongo:0/k',
    'mongodb://user:hunter2@mongo:99999/k',
    'mongodb://user:hunter2@mongo:abc/k',
    'mongodb://user:hunter2@x@mongo/k',
    'mongodb://user:hunter2@mongo mongo/k',
  ])('%s is refused without showing a password', async (uri) => {
    const error = await rewriteMongoUri(uri, inside).then(
      () => null,
      (thrown: Error & { code?: string }) => thrown,
    );
    expect(error?.code).toBe('uri-invalid');
    expect(error?.message).not.toContain('hunter2');
  });
  test('passwords are masked however they look', () => {
    expect(maskUri('mongodb://u:a:b@c@h/d')).toBe('mongodb://u:***@h/d');
    expect(maskUri('mongodb+srv://u:secret@h')).toBe('mongodb+srv://u:***@h');
    expect(maskUri('mongodb://h/d')).toBe('mongodb://h/d');
  });
});
