/**
 * How fast a dump and a restore are, in MB of documents a second, beside a peer doing the same work.
 *
 *   npx tsx bench/backup.ts [MB = 200] [URI]
 *
 * Without a URI it starts a `mongo:7` of its own. The peer is mongodump/mongorestore where they are on PATH, else the
 * plain driver: find, decoded, gzipped on the way to a file; insertMany of the same. Uses a database of its own.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, createGzip } from 'node:zlib';
import { BSON, MongoClient } from 'mongodb';
import { openDatabase } from '../src/backup/connection.ts';
import { contentHash } from '../src/backup/content-hash.ts';
import { createBackup } from '../src/backup/create.ts';
import { restoreBackup } from '../src/backup/restore.ts';
import { verifyBackup } from '../src/backup/verify.ts';
import { systemClock as clock } from '../src/system/clock.ts';

const run = promisify(execFile);
const megabytes = Number(process.argv[2] ?? 200);
const LEVEL = 1;

const startServer = async (): Promise<{ uri: string; stop(): Promise<void> }> => {
  const name = `kaleem-bench-${randomBytes(4).toString('hex')}`;
  await run('docker', ['run', '-d', '--rm', '--name', name, '-p', '127.0.0.1::27017', 'mongo:7']);
  const stop = async () => void (await run('docker', ['rm', '-f', '-v', name]));
  const { stdout } = await run('docker', ['port', name, '27017']);
  const uri = `mongodb://${stdout.trim().split('\n')[0]}/?directConnection=true`;
  for (let attempt = 0; attempt < 100; attempt++) {
    const up = await openDatabase({ uri, name: null }, { clock, timeoutMs: 1_000 }).catch(() => null);
    if (up !== null) {
      await up.close();
      return { uri, stop };
    }
  }
  await stop();
  throw new Error('the server did not start');
};

const word = (): string => randomBytes(6).toString('base64url');
/** 1 KB each, half of it compressible. */
const makeDocuments = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    ...{ number: from + index, name: `user ${from + index}`, createdAt: new Date(), active: index % 2 === 0 },
    words: Array.from({ length: 30 }, word),
    text: 'lorem ipsum dolor sit amet '.repeat(12),
  }));

const timed = async (label: string, work: () => Promise<unknown>): Promise<number> => {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const rate = megabytes / seconds;
  console.log(
    `${label.padEnd(34)} ${rate.toFixed(1).padStart(8)} MB/s   ${((user + system) / 1e6).toFixed(1)} s of CPU here`,
  );
  return rate;
};

const has = (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

const plainDump = async (client: MongoClient, name: string, path: string): Promise<void> => {
  const lines = Readable.from(client.db(name).collection('c').find(), { objectMode: true }).map(
    (each: unknown) => `${BSON.EJSON.stringify(each)}\n`,
  );
  await pipeline(lines, createGzip({ level: LEVEL }), createWriteStream(path));
};

const plainRestore = async (client: MongoClient, name: string, path: string): Promise<void> => {
  await client.db(name).dropDatabase();
  const batch: BSON.Document[] = [];
  for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
    batch.push(BSON.EJSON.parse(line) as BSON.Document);
    if (batch.length === 5_000) await client.db(name).collection('c').insertMany(batch.splice(0));
  }
  if (batch.length > 0) await client.db(name).collection('c').insertMany(batch);
};

const bench = async (uri: string, folder: string): Promise<void> => {
  const name = `bench${randomBytes(4).toString('hex')}`;
  const client = new MongoClient(uri);
  const database = await openDatabase({ uri, name }, { clock });
  const operation = {
    id: '000001-bench',
    effect: <T>(_: string, __: unknown, work: () => Promise<T>) => work(),
    note: async () => {},
  };
  try {
    for (let made = 0; made < megabytes * 1_000; made += 5_000)
      await client.db(name).collection('c').insertMany(makeDocuments(made, 5_000));
    const path = join(folder, '000001.archive.gz');
    const facts = {
      database,
      directory: folder,
      id: '000001',
      operation: null,
      release: null,
      consistency: 'fenced',
      compression: LEVEL,
      clock,
    } as const;
    const dump = await timed('dump', () => createBackup(facts));
    await timed('verify', () => verifyBackup(path));
    await timed('content hash', () => contentHash(database));
    const restore = await timed('restore (staged, read back, swapped)', () =>
      restoreBackup({ database, path, operation, extra: 'drop', force: false, clock }),
    );
    const official = (await has('mongodump')) && (await has('mongorestore'));
    const peer = join(folder, 'peer.gz');
    const tool = (program: string, ...more: string[]) =>
      run(program, [`--uri=${uri}`, '--gzip', `--archive=${peer}`, '--quiet', ...more]);
    const peerDump = await timed(official ? 'mongodump' : 'plain find', () =>
      official ? tool('mongodump', `--db=${name}`) : plainDump(client, name, peer),
    );
    const peerRestore = await timed(official ? 'mongorestore' : 'plain insertMany', () =>
      official ? tool('mongorestore', '--drop') : plainRestore(client, name, peer),
    );
    console.log(`dump ${(dump / peerDump).toFixed(2)} x, restore ${(restore / peerRestore).toFixed(2)} x the peer`);
  } finally {
    await client.db(name).dropDatabase();
    await client.close();
    await database.close();
  }
};

const folder = await mkdtemp(join(tmpdir(), 'kaleem-bench-'));
const given = process.argv[3];
const server = given === undefined ? await startServer() : { uri: given, stop: async () => {} };
try {
  await bench(server.uri, folder);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
