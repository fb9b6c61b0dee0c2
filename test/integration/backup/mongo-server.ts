import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { GenericContainer } from 'testcontainers';
import { type Database, openDatabase } from '../../../src/backup/connection.ts';
import { systemClock } from '../../../src/system/clock.ts';

const PSQL = ['psql', '-h', '/var/run/postgresql', '-U', 'postgres', '-v', 'ON_ERROR_STOP=1', '-c'];

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
  // The port is kept over a restart, which Docker does not do for a random one of its own.
  const port = 20_000 + (randomBytes(2).readUInt16LE() % 12_000);
  const container = await new GenericContainer('mongo:7')
    .withExposedPorts({ container: 27017, host: port })
    .withLabels({ 'kaleem-test': 'backup' })
    .start();
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const remove = () => container.stop({ timeout: 0, remove: true, removeVolumes: true });
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
              const { exitCode, output } = await container.exec([...PSQL, statement]);
              if (exitCode !== 0) throw new Error(`psql: ${output}`);
            },
      kill: () => {
        // At once, and not through a client that awaits: the test is in the midst of a restore.
        execFileSync('docker', ['kill', container.getId()], { stdio: 'ignore' });
      },
      startAgain: async () => {
        execFileSync('docker', ['start', container.getId()], { stdio: 'ignore' });
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
