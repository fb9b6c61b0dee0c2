// The deploys that bench/outage.ts measures: of one size, on one file system.
import { readFile, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseUri } from '../scripts/demo/database.ts';
import { kaleemDeploy } from '../scripts/demo/kaleem-deploy.ts';
import type { Stack } from '../scripts/demo/stack.ts';
import { makeDiskImage } from '../test/support/disk-image.ts';
import { type JournalLine, readJournals } from '../test/support/journals.ts';
import type { Bench } from './bench.ts';
import { DATA_SETS, fill } from './documents.ts';
import { whileVisiting } from './edge.ts';
import { type Cell, type Deploy, type Measured, middleOf, row, type Way } from './outage-report.ts';
import { sizeText } from './sizes.ts';

const LIVE = 'v0.0.2';
const TAGS = [LIVE, 'v0.0.5'] as const;
/** What is on the disk at most, by the data: the data, a copy, the failed state, a restored one, and their indexes. */
const ROOM = 5;
/** For the server's log, however small the data is. */
const LEAST_ROOM_BYTES = 3e9;

export interface Choice {
  readonly ways: readonly Way[];
  readonly deploys: readonly Deploy[];
  readonly rounds: number;
  /** A version that writes to the database and fails. */
  readonly badTag: string;
  readonly tell: (cell: Measured) => void;
}

const noteAt = (lines: readonly JournalLine[], name: string): number => {
  const note = lines.find(({ type, step }) => type === 'note' && step === name);
  if (note === undefined) throw new Error(`the journal has no note "${name}"`);
  return Date.parse(note.at);
};

/** One deploy with a visitor. */
const deployOnce = async (stack: Stack, cell: Cell, { tag, signal }: { tag: string; signal: AbortSignal }) => {
  const { done, longestMs } = await whileVisiting({ url: stack.url, signal }, () =>
    kaleemDeploy(stack.directory, [tag, '--json', '--quiet'], false),
  );
  const good = cell.deploy === 'good';
  if (done.exitCode !== (good ? 0 : 20)) {
    throw new Error(`kaleem-deploy ${tag} exited with ${done.exitCode}: ${done.stdout}`);
  }
  const [{ lines } = { lines: [] }] = await readJournals(stack.directory, 1);
  const secured = lines.some(({ step }) => step === 'volume.copy') ? 'volume' : 'archive';
  if (secured !== cell.way) throw new Error(`kaleem-deploy ${tag} secured the database by ${secured}`);
  const fenced = noteAt(lines, 'fence');
  const measured: Measured = {
    ...{ ...cell, outageMs: longestMs, elapsedMs: done.elapsedMs },
    fencedMs: noteAt(lines, 'lifted') - fenced,
    verdictMs: good ? null : noteAt(lines, 'undo') - fenced,
  };
  process.stderr.write(`${row(measured).join('  ')}\n`);
  return measured;
};

/** The database's files are on a disk image; all else is as everywhere. */
const putDataAt = async ({ directory }: Stack, folder: string): Promise<void> => {
  const path = join(directory, 'compose.yml');
  const before = await readFile(path, 'utf8');
  const after = before.replace('mongo-data:/data/db', `${folder}:/data/db`);
  if (after === before) throw new Error(`${path} has no volume mongo-data at /data/db`);
  await writeFile(path, after);
};

/** All deploys of one size on one file system; each is told of once its rounds are over. */
export const measurePlace = async (
  { stack: newStack, signal, atEnd }: Bench,
  { fileSystem, bytes }: Pick<Cell, 'fileSystem' | 'bytes'>,
  { ways, deploys, rounds, badTag, tell }: Choice,
): Promise<void> => {
  const room = bytes * ROOM + LEAST_ROOM_BYTES;
  const { bavail, bsize } = await statfs(tmpdir());
  if (bavail * bsize < room) throw new Error(`${tmpdir()} must have ${sizeText(room)} free for ${sizeText(bytes)}`);
  const disk = await makeDiskImage({ fileSystem, mebibytes: Math.ceil(room / 1024 ** 2) });
  atEnd(() => disk.remove());
  const stack = await newStack({ version: LIVE, attempts: 120, config: null });
  await putDataAt(stack, disk.directory);
  const { exitCode } = await kaleemDeploy(stack.directory, [LIVE, '--quiet'], false);
  if (exitCode !== 0) throw new Error(`kaleem-deploy ${LIVE} exited with ${exitCode}`);
  await fill({ uri: await databaseUri(stack), database: 'kaleem', signal }, DATA_SETS.big, bytes);
  let changes = 0;
  for (const way of ways) {
    const config = `images: [KALEEM_API_IMAGE]\nbackup: { before_deploy: ${way}, keep_last: 1 }\n`;
    await writeFile(join(stack.directory, 'kaleem-deploy.yml'), config);
    for (const deploy of deploys) {
      const once = () => {
        signal.throwIfAborted();
        if (deploy === 'good') changes += 1;
        const tag = deploy === 'bad' ? badTag : (TAGS[changes % TAGS.length] ?? LIVE);
        return deployOnce(stack, { fileSystem, bytes, way, deploy }, { tag, signal });
      };
      const measured: [Measured, ...Measured[]] = [await once()];
      while (measured.length < rounds) measured.push(await once());
      tell(middleOf(measured));
    }
  }
};
