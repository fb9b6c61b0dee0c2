// What the database holds, as the tool's backups tell it and as the database itself does.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../src/backup/connection.ts';
import { contentHash } from '../../src/backup/content-hash.ts';
import { type Manifest, readManifest } from '../../src/backup/manifest.ts';
import { systemClock } from '../../src/system/clock.ts';
import { docker, type Stack } from './stack.ts';

/** Every backup of the stack, oldest first. */
export const backups = async ({ directory }: Stack): Promise<readonly Manifest[]> => {
  const folder = join(directory, 'backups');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.manifest.json')).sort();
  const manifests = await Promise.all(names.map((name) => readManifest(join(folder, name))));
  return manifests.filter((each) => each !== null);
};

export const ordersIn = (backup: Manifest): number =>
  backup.namespaces.find(({ collection }) => collection === 'orders')?.documents ?? 0;

/** Past the fence and past the application: the container's address, which is another one once it was started again. */
export const databaseUri = async ({ project }: Stack): Promise<string> => {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const address = await docker(['inspect', '--format', format, `${project}-mongo-1`]);
  return `mongodb://${address}:27017/?directConnection=true`;
};

const withDatabase = async <T>(stack: Stack, use: (database: Database) => Promise<T>): Promise<T> => {
  const database = await openDatabase({ uri: await databaseUri(stack), name: 'kaleem' }, { clock: systemClock });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
};

/** The same database, without the orders that were accepted after `since`: the clients did not wait for us to look. */
const withoutOrdersSince = (database: Database, since: Date): Database => ({
  ...database,
  openSession: () => {
    const session = database.openSession();
    return {
      ...session,
      run: (name, command, options) =>
        session.run(
          name,
          command.find === 'orders' ? { ...command, filter: { acceptedAt: { $lt: since } } } : command,
          options,
        ),
    };
  },
});

/** Its content hash, computed anew from every document, option and index; orders accepted after `since` left out. */
export const hashWithoutOrdersSince = (stack: Stack, since: Date): Promise<string> =>
  withDatabase(stack, async (database) => (await contentHash(withoutOrdersSince(database, since))).hash);

/** Names of the migrations that were applied, in order. */
export const migrations = (stack: Stack): Promise<readonly string[]> =>
  withDatabase(stack, async (database) => {
    const reply = await database.run('kaleem', { find: 'migrations', sort: { _id: 1 }, batchSize: 1000 });
    return (reply.cursor.firstBatch as { _id: string }[]).map(({ _id }) => _id);
  });
