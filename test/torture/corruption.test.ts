import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { BSON } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBackup } from '../../src/backup/create.ts';
import { type Manifest, manifestPath, readManifest, writeManifest } from '../../src/backup/manifest.ts';
import { restoreBackup } from '../../src/backup/restore.ts';
import { readBackup, type VerifiedBackup } from '../../src/backup/verify.ts';
import { systemClock as clock } from '../../src/system/clock.ts';
import { openTorture, say } from '../support/torture.ts';
import {
  archive,
  block,
  bson,
  crcOf,
  END,
  end,
  entry,
  header,
  type TemporaryFolder,
  temporaryFolder,
} from '../unit/backup/archive-builder.ts';
import { fakeServer, withoutJournal } from '../unit/backup/fake-server.ts';
import { corrupt } from './corruption/corruptions.ts';

const torture = openTorture('corruption');

/** Far more than a small archive takes to read. */
const HANGS_MS = 20_000;
const MB = 1024 * 1024;

/** In memory: what a restore would send to a server is all in its log. */
const liveServer = () => fakeServer('app', { collections: { orders: { documents: [bson({ _id: 1, live: true })] } } });

interface Base {
  readonly what: string;
  /** The archive, and the one beside it, from which wrong bytes are taken. */
  readonly bytes: Buffer;
  readonly other: Buffer;
  /** Null: as from elsewhere. Nothing but the archive itself says then what it should hold. */
  readonly manifest: Manifest | null;
  /** What of a backup has to be right when it is taken for good. */
  readonly kept: (backup: VerifiedBackup) => string;
}

/** Documents have checksums in every archive; names, options and indexes in one that is compressed, or has a manifest. */
const documentsOf = ({ namespaces }: VerifiedBackup): string =>
  namespaces.map(({ body, documents: count, bytes, crc }) => `${body} ${count} ${bytes} ${crc}`).join('\n');
const contentOf = ({ content }: VerifiedBackup): string => content.hash;

let folder: TemporaryFolder;
let identityFiles: readonly string[];
let bases: readonly Base[];

const documents = (count: number) =>
  Array.from({ length: count }, (_, number) =>
    bson({
      _id: number,
      item: torture.random() < 0.5 ? 'fig' : 'a longer name of an item '.repeat(3),
      price: torture.random(),
      at: new Date(1.7e12 + number * 1000),
      bytes: new BSON.Binary(Buffer.from(Array.from({ length: 40 }, () => Math.floor(torture.random() * 256)))),
    }),
  );

/** What this tool makes of a database of three collections. */
const backUp = async (
  name: string,
  compression: number,
  recipients: readonly string[] | null = null,
): Promise<{ readonly path: string; readonly manifest: Manifest }> => {
  const database = fakeServer('app', {
    collections: {
      orders: { documents: documents(120), indexes: [{ v: 2, key: { item: 1 }, name: 'item_1' }] },
      users: { documents: documents(40) },
      empty: {},
    },
  });
  const directory = join(folder.path, name);
  await mkdir(directory);
  const manifest = await createBackup({
    ...{ database, directory, id: '000001-v1', operation: null, release: 'v1', consistency: 'fenced' },
    ...{ compression, clock, recipients },
  });
  return { path: join(directory, manifest.archive), manifest };
};

/** The same archive in gzip members of two kilobytes: a large one has as many of its own. */
const inMembers = (bytes: Buffer): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / 2048) }, (_, at) =>
      gzipSync(bytes.subarray(at * 2048, (at + 1) * 2048)),
    ),
  );

beforeAll(async () => {
  folder = await temporaryFolder();
  const [plain, plainOther] = [await backUp('plain', 0), await backUp('plain-other', 0)];
  const [gzip, gzipOther] = [await backUp('gzip', 6), await backUp('gzip-other', 6)];
  const identity = await generateX25519Identity();
  identityFiles = [join(folder.path, 'key.txt')];
  await writeFile(join(folder.path, 'key.txt'), identity, { mode: 0o600 });
  const recipients = [await identityToRecipient(identity)];
  const [sealed, sealedOther] = [await backUp('age', 0, recipients), await backUp('age-other', 0, recipients)];
  const [secret, secretOther] = [await readFile(sealed.path), await readFile(sealedOther.path)];
  const [bytes, other] = [await readFile(plain.path), await readFile(plainOther.path)];
  const [packed, packedOther] = [await readFile(gzip.path), await readFile(gzipOther.path)];
  const [members, membersOther] = [inMembers(bytes), inMembers(other)];
  const manifestOfMembers: Manifest = {
    ...{ ...plain.manifest, archive: gzip.manifest.archive, bytes: members.length },
    sha256: createHash('sha256').update(members).digest('hex'),
  };
  bases = [
    { what: 'plain', bytes, other, manifest: plain.manifest, kept: contentOf },
    { what: 'gzip', bytes: packed, other: packedOther, manifest: gzip.manifest, kept: contentOf },
    { what: 'members', bytes: members, other: membersOther, manifest: manifestOfMembers, kept: contentOf },
    { what: 'encrypted', bytes: secret, other: secretOther, manifest: sealed.manifest, kept: contentOf },
    { what: 'plain, from elsewhere', bytes, other, manifest: null, kept: documentsOf },
    { what: 'gzip, from elsewhere', bytes: packed, other: packedOther, manifest: null, kept: contentOf },
    { what: 'members, from elsewhere', bytes: members, other: membersOther, manifest: null, kept: contentOf },
    { what: 'encrypted, from elsewhere', bytes: secret, other: secretOther, manifest: null, kept: contentOf },
  ];
});
afterAll(() => folder?.remove());

/** What went wrong with finding it, or null. `good`: what is kept of the archives that it was made from. */
const tryCorruption = async (base: Base, path: string, good: readonly string[]): Promise<string | null> => {
  const options = { signal: AbortSignal.timeout(HANGS_MS), identityFiles };
  const found = await readBackup(path, options).catch((error: unknown) => error);
  if (!(found instanceof Error)) {
    return base.manifest === null && good.includes(base.kept(found as VerifiedBackup)) ? null : 'taken for good';
  }
  // Changed in the lines of its recipients, it is somebody else's as far as anyone can tell who has no digest of it.
  const codes = base.manifest === null ? ['backup-invalid', 'identity-missing'] : ['backup-invalid'];
  if (!codes.includes((found as { code?: string }).code ?? '')) return `${found.name}: ${found.message}`;
  return found.message.includes(path) ? null : `the message names no file: ${found.message}`;
};

test('any corruption is found; an archive from elsewhere may have changed where nothing is written twice', async () => {
  const count = Math.ceil(torture.either(10_000, 600) / bases.length);
  const before = process.memoryUsage().rss;
  const violations: string[] = [];
  for (const [at, base] of bases.entries()) {
    const directory = join(folder.path, `base-${at}`);
    const path = join(directory, base.manifest?.archive ?? '000001-v1.archive');
    await mkdir(directory);
    // The whole body of another archive behind this one's announcements, which are the same, is that archive.
    await writeFile(path, base.other);
    const other = base.kept(await readBackup(path, { identityFiles }));
    await writeFile(path, base.bytes);
    if (base.manifest !== null) await writeManifest(directory, base.manifest);
    const good = [base.kept(await readBackup(path, { identityFiles })), other];
    for (let nth = 0; nth < count; nth += 1) {
      const corruption = corrupt(base.bytes, base.other, torture.random);
      await writeFile(path, corruption.bytes);
      const problem = await tryCorruption(base, path, good);
      if (problem !== null) violations.push(`${base.what}: ${corruption.what}: ${problem}`);
    }
  }
  say(`torture: corruption: ${count * bases.length} corruptions, ${violations.length} violations`);
  expect(violations).toEqual([]);
  expect((process.memoryUsage().rss - before) / MB).toBeLessThan(300);
});

test('a restore of a corrupted archive sends nothing to the server', async () => {
  const server = liveServer();
  const operation = withoutJournal('000001-test');
  const directory = join(folder.path, 'restores');
  await mkdir(directory);
  const base = bases[1] as Base;
  await writeManifest(directory, base.manifest as Manifest);
  const path = join(directory, (base.manifest as Manifest).archive);
  for (let at = 0; at < torture.either(1_000, 100); at += 1) {
    const corruption = corrupt(base.bytes, base.other, torture.random);
    await writeFile(path, corruption.bytes);
    await expect(
      restoreBackup({ database: server, path, operation, extra: 'drop', force: true, clock }),
      corruption.what,
    ).rejects.toMatchObject({ code: 'backup-invalid' });
  }
  expect(server.log).toEqual([]);
  expect(server.commands).toEqual([]);
});

test('a manifest with a flipped bit, one of another archive, or none of its own is no manifest of this one', async () => {
  const [base, other] = [bases[1] as Base, bases[2] as Base];
  const directory = join(folder.path, 'manifests');
  await mkdir(directory);
  const path = join(directory, (base.manifest as Manifest).archive);
  await writeFile(path, base.bytes);
  await writeManifest(directory, base.manifest as Manifest);
  const text = await readFile(manifestPath(path));
  expect(await readManifest(manifestPath(path))).not.toBeNull();
  for (let at = 0; at < torture.either(2_000, 200); at += 1) {
    const corruption = corrupt(text, Buffer.from(JSON.stringify(other.manifest)), torture.random);
    await writeFile(manifestPath(path), corruption.bytes);
    const found = await readBackup(path).catch((error: unknown) => error);
    // Only what JSON does not mean may change: a blank more or less.
    if (found instanceof Error) expect(found, corruption.what).toMatchObject({ code: 'backup-invalid' });
    else expect((found as { manifest: Manifest }).manifest, corruption.what).toEqual(base.manifest);
  }
  await writeManifest(directory, { ...(other.manifest as Manifest), archive: basename(path) });
  await expect(readBackup(path)).rejects.toMatchObject({ code: 'backup-invalid' });
});

/** Bytes that unpack to `times` as many of the block: gzip members one after the other. */
const bomb = (head: Buffer, repeated: Buffer, times: number, tail: Buffer): Buffer => {
  const member = gzipSync(repeated, { level: constants.Z_BEST_COMPRESSION });
  return Buffer.concat([gzipSync(head), ...Array.from({ length: times }, () => member), gzipSync(tail)]);
};

describe('what is made to hurt a reader', () => {
  const start = () => archive(header(), entry('a'), END);
  const opened = () => block('a').subarray(0, -4);
  const refused = async (bytes: Buffer): Promise<{ readonly message: string; readonly grewMb: number }> => {
    const path = await folder.file(bytes);
    const before = process.resourceUsage().maxRSS;
    const error = await readBackup(path, { signal: AbortSignal.timeout(120_000) }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'backup-invalid' });
    return { message: (error as Error).message, grewMb: (process.resourceUsage().maxRSS - before) / 1024 };
  };

  test('gigabytes of documents out of a megabyte are read in bounded memory, and their checksum is wrong', async () => {
    const megabyte = Buffer.concat(Array.from({ length: 16 }, () => bson({ a: 'x'.repeat(64 * 1024 - 20) })));
    const times = torture.either(2_000, 400);
    const bytes = bomb(Buffer.concat([start(), opened()]), megabyte, times, Buffer.concat([END, end('a', crcOf())]));
    expect(bytes.length).toBeLessThan((times * MB) / 100);
    const { message, grewMb } = await refused(bytes);
    expect(message).toMatch(/its CRC is/);
    expect(grewMb).toBeLessThan(150);
  });

  test('gigabytes of zeros, of terminators and of names are refused where they begin', async () => {
    const zeros = await refused(bomb(Buffer.concat([start(), opened()]), Buffer.alloc(4 * MB), 1_000, Buffer.alloc(1)));
    expect(zeros.message).toMatch(/a document says it has 0 bytes/);
    const ends = await refused(bomb(start(), Buffer.alloc(4 * MB, 0xff), 1_000, Buffer.alloc(1)));
    expect(ends.message).toMatch(/a terminator stands where a block must start/);
    const nameless = await refused(bomb(archive(header()), Buffer.alloc(4 * MB, 0x61), 1_000, Buffer.alloc(1)));
    expect(nameless.message).toMatch(/a document says it has 1633771873 bytes/);
    expect(zeros.grewMb + ends.grewMb + nameless.grewMb).toBeLessThan(150);
  });

  test('a prelude that announces without end is refused before it fills the memory', async () => {
    const entries = (from: number) =>
      Buffer.concat(
        Array.from({ length: 40 }, (_, at) => entry(`c${from + at}`, { metadata: `{"pad":"${' '.repeat(MB)}"}` })),
      );
    const parts = Array.from({ length: 10 }, (_, at) => gzipSync(entries(at * 40)));
    const { message } = await refused(Buffer.concat([gzipSync(archive(header())), ...parts]));
    expect(message).toMatch(/announces more than a reader will hold/);
  });

  test.each([
    ['brackets without end', '['.repeat(MB)],
    ['nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['nested indexes', `{"indexes":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['nested options', `{"options":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
    ['a number that is none', '{"options":{"size":{"$numberLong":"9e999999999"}}}'],
  ])('metadata of %s is refused', async (_, text) => {
    const { message } = await refused(
      archive(header(), entry('a', { metadata: text }), END, block('a'), end('a', crcOf())),
    );
    expect(message).toMatch(/prelude entry at byte/);
  });

  test('every length field with every hostile value is refused or changes nothing', async () => {
    const values = [0, 1, 4, 5, -1, -2, -(2 ** 31), 2 ** 31 - 1, 16 * MB, 16 * MB + 16 * 1024 + 1];
    const document = bson({
      _id: 1,
      s: 'text',
      o: { a: [1, 'b'] },
      b: new BSON.Binary(Buffer.from('bytes')),
      c: new BSON.Code('f', { x: 1 }),
    });
    const bytes = archive(header(), entry('a'), END, block('a', document), end('a', crcOf(document)));
    const good = documentsOf(await readBackup(await folder.file(bytes)));
    const offsets = Array.from({ length: bytes.length - 7 }, (_, index) => index + 4);
    for (const at of torture.sample(offsets, 100)) {
      for (const value of values) {
        const copy = Buffer.from(bytes);
        copy.writeInt32LE(value, at);
        const path = await folder.file(copy, 'hostile.archive');
        const found = await readBackup(path).catch((error: unknown) => error);
        if (found instanceof Error) expect(found, `${value} at ${at}`).toMatchObject({ code: 'backup-invalid' });
        else expect(documentsOf(found as VerifiedBackup), `${value} at ${at}`).toBe(good);
      }
    }
  });
});
