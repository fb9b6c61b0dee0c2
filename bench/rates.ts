// How fast a dump and a restore are, beside the official tools and beside what no program could do without.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Database } from '../src/backup/connection.ts';
import { createBackup } from '../src/backup/create.ts';
import { restoreBackup } from '../src/backup/restore.ts';
import { verifyBackup } from '../src/backup/verify.ts';
import { systemClock as clock } from '../src/system/clock.ts';
import { type MongoServer, startMongo } from '../test/integration/backup/mongo-server.ts';
import { withoutJournal } from '../test/unit/backup/fake-server.ts';
import type { Bench } from './bench.ts';
import { type DataSet, fill } from './documents.ts';
import { insertFromMemory, readAndGzip, readOnly, takeToMemory } from './limits.ts';
import { table } from './numbers.ts';
import { sizeText } from './sizes.ts';
import { type Measured, measureAll, rateOf, row, TITLES, type Work } from './work.ts';

/** What a configuration that says nothing has, and mongodump too. */
const LEVEL = 6;
/** Of what is inserted from memory: the rate is the same for more. */
const IN_MEMORY_BYTES = 1e9;

const run = promisify(execFile);

const isThere = (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

interface Place {
  readonly server: MongoServer;
  readonly folder: string;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** What all the work of one data set is about. */
interface Subject extends Place {
  readonly database: Database;
  readonly name: string;
  readonly dataBytes: number;
  readonly official: boolean;
}

const nothing = async (work: Promise<unknown>): Promise<null> => {
  await work;
  return null;
};

const dumps = ({ server, folder, signal, database, name, dataBytes, official }: Subject): readonly Work[] => {
  const archive = join(folder, 'official.gz');
  const argv = [`--uri=${server.uri}`, `--db=${name}`, '--gzip', `--archive=${archive}`, '--quiet'];
  const facts = { database, directory: folder, operation: null, release: null, consistency: 'fenced', clock } as const;
  const remove = () =>
    Promise.all(['.archive.gz', '.manifest.json'].map((end) => rm(join(folder, `1${end}`), { force: true })));
  return [
    { name: 'read, thrown away', dataBytes, work: () => nothing(readOnly(database, signal)) },
    { name: 'read, one thread of gzip', dataBytes, work: () => readAndGzip(database, signal) },
    ...(official
      ? [
          {
            ...{ name: 'mongodump --gzip', dataBytes, elsewhere: true },
            work: async () => {
              await run('mongodump', argv);
              return (await stat(archive)).size;
            },
          },
        ]
      : []),
    {
      ...{ name: 'dump', dataBytes, before: remove },
      work: async () => (await createBackup({ ...facts, id: '1', compression: LEVEL, signal })).bytes,
    },
  ];
};

const restores = async (subject: Subject): Promise<readonly Work[]> => {
  const { server, folder, signal, database, name, dataBytes, official } = subject;
  const other = `${name}x`;
  const dropOther = () => server.client.db(other).dropDatabase();
  const messages = await takeToMemory(database, { most: IN_MEMORY_BYTES, signal });
  const inMemory = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const path = join(folder, '1.archive.gz');
  const argv = [`--uri=${server.uri}`, '--gzip', `--archive=${join(folder, 'official.gz')}`, '--quiet'];
  const options = { database, path, operation: withoutJournal('000001-bench'), clock, signal } as const;
  return [
    { name: 'verify', dataBytes, work: () => nothing(verifyBackup(path)) },
    {
      ...{ name: 'insert from memory', dataBytes: inMemory, before: dropOther },
      work: () => nothing(insertFromMemory(database, other, { messages, signal })),
    },
    ...(official
      ? [
          {
            ...{ name: 'mongorestore --gzip', dataBytes, elsewhere: true, before: dropOther },
            work: () => nothing(run('mongorestore', [...argv, `--nsFrom=${name}.*`, `--nsTo=${other}.*`])),
          },
        ]
      : []),
    { name: 'restore', dataBytes, work: () => nothing(restoreBackup({ ...options, extra: 'drop', force: false })) },
  ];
};

const ratios = (measured: readonly Measured[]): string => {
  const find = (name: string) => measured.find((each) => each.name === name);
  const lines = (
    [
      ['dump', ['read, thrown away', 'read, one thread of gzip', 'mongodump --gzip']],
      ['restore', ['insert from memory', 'mongorestore --gzip']],
    ] as const
  ).flatMap(([name, others]) =>
    others.flatMap((other) => {
      const [a, b] = [find(name), find(other)];
      if (a === undefined || b === undefined) return [];
      const size = a.size !== null && b.size !== null ? `, at ${(a.size / b.size).toFixed(3)} x its size` : '';
      return [`${name}: ${(rateOf(a) / rateOf(b)).toFixed(2)} x the rate of "${other}"${size}\n`];
    }),
  );
  return lines.join('');
};

const benchSet = async (place: Place, set: DataSet, bytes: number, official: boolean): Promise<void> => {
  const { server, signal } = place;
  const name = server.freshName();
  await fill({ uri: server.uri, database: name, signal }, set, bytes);
  const database = await server.open(name);
  // Reading it all also fills the server's cache, for whoever comes first.
  const dataBytes = await readOnly(database, signal);
  const subject = { ...place, database, name, dataBytes, official };
  const measured = [...(await measureAll(dumps(subject), place))];
  measured.push(...(await measureAll(await restores(subject), place)));
  process.stdout.write(`\n${set.name}, ${sizeText(dataBytes)}:\n`);
  table(TITLES, measured.map(row));
  process.stdout.write(ratios(measured));
  for (const each of [name, `${name}x`]) await server.client.db(each).dropDatabase();
};

export interface RatesOptions {
  readonly sets: readonly DataSet[];
  /** Of each. */
  readonly bytes: number;
  readonly rounds: number;
}

/** Prints the rates for each data set. */
export const measureRates = async (
  { signal, atEnd, apart }: Bench,
  { sets, bytes, rounds }: RatesOptions,
): Promise<void> => {
  const official = (await isThere('mongodump')) && (await isThere('mongorestore'));
  if (!official) process.stdout.write('mongodump and mongorestore are not on PATH: only the limits are beside it\n');
  // Its reaper is an image that not every machine can have.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const server = await startMongo();
  atEnd(() => server.stop());
  for (const set of sets) {
    await apart(async (part) => {
      const folder = await mkdtemp(join(tmpdir(), 'kaleem-bench-'));
      part.atEnd(() => rm(folder, { recursive: true, force: true }));
      await benchSet({ server, folder, rounds, signal }, set, bytes, official);
    });
  }
};
