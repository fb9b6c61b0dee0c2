import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { type Database, openDatabase } from '../../../src/backup/connection.ts';
import { systemClock } from '../../../src/system/clock.ts';

const run = promisify(execFile);
const docker = async (...args: string[]): Promise<string> => (await run('docker', args)).stdout.trim();

/** A real `mongo:7` of a test's own (the real image where it can be pulled, else the test bed's stand-in). */
export interface MongoServer {
  readonly uri: string;
  /** A plain driver client, for what an application does. */
  readonly client: MongoClient;
  /** A database name nobody else uses. */
  freshName(): string;
  open(name: string | null): Promise<Database>;
  /** SQL in the stand-in: makes the views and validators its wire protocol forgets. Null on a real server. */
  sql: ((statement: string) => Promise<void>) | null;
  kill(): void;
  /** Starts it again after `kill`, on the same data and the same port. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

const waitUntilUp = async (uri: string): Promise<void> => {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1_000 });
    try {
      const hello = await client.db('admin').command({ hello: 1 });
      if (hello.isWritablePrimary) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

export const startMongo = async (): Promise<MongoServer> => {
  const name = `kaleem-backup-test-${process.pid}-${randomBytes(4).toString('hex')}`;
  // The port is kept over a restart, which Docker does not do for a random one of its own.
  const port = 20_000 + (randomBytes(2).readUInt16LE() % 12_000);
  await docker('run', '-d', '--name', name, '--label', 'kaleem-test', '-p', `127.0.0.1:${port}:27017`, 'mongo:7');
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const remove = () => docker('rm', '-f', '-v', name);
  try {
    await waitUntilUp(uri);
    const client = new MongoClient(uri);
    const build = await client.db('admin').command({ buildInfo: 1 });
    const databases: Database[] = [];
    return {
      uri,
      client,
      freshName: () => `t${randomBytes(5).toString('hex')}`,
      open: async (database) => {
        const opened = await openDatabase({ uri, name: database }, { clock: systemClock });
        databases.push(opened);
        return opened;
      },
      sql:
        build.ferretdb === undefined
          ? null
          : async (statement) => {
              await docker(
                'exec',
                name,
                'psql',
                '-h',
                '/var/run/postgresql',
                '-U',
                'postgres',
                '-v',
                'ON_ERROR_STOP=1',
                '-c',
                statement,
              );
            },
      kill: () => {
        execFileSync('docker', ['kill', name], { stdio: 'ignore' });
      },
      startAgain: async () => {
        await docker('start', name);
        await waitUntilUp(uri);
      },
      stop: async () => {
        for (const database of databases) await database.close();
        await client.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
};
