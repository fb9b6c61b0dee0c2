import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type BadInput, file, type Place, without } from './bad-input.ts';

const archiveOf = ({ directory, backup }: Place): string => join(directory, 'backups', `${backup}.archive.gz`);
const manifestOf = ({ directory, backup }: Place): string => join(directory, 'backups', `${backup}.manifest.json`);

const changed =
  (path: (place: Place) => string, change: (bytes: Buffer) => Buffer) =>
  async (place: Place): Promise<void> =>
    writeFile(path(place), change(await readFile(path(place))));

const flipped = (bytes: Buffer): Buffer => {
  const at = Math.floor(bytes.length / 2);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([(bytes[at] ?? 0) ^ 1]), bytes.subarray(at + 1)]);
};

/** The archive inside, with other bytes. */
const inside = (change: (bytes: Buffer) => Buffer) => (bytes: Buffer) =>
  gzipSync(change(gunzipSync(bytes)), { level: 0 });

/** The header's length, which comes after the magic number. */
const hugeLength = inside((bytes) => {
  const copy = Buffer.from(bytes);
  copy.writeInt32LE(0x7fffffff, 4);
  return copy;
});

const verify = ['backup', 'verify', ({ backup }: Place) => backup] as const;
const restore = ['backup', 'restore', ({ backup }: Place) => backup, '--yes'] as const;
const named = ({ backup }: Place): string => `${backup}.archive.gz`;

export const archives: readonly BadInput[] = [
  {
    what: 'a backup that is none',
    argv: ['backup', 'verify', '000099-v9'],
    code: 12,
    says: ['there is no backup 000099-v9'],
  },
  { what: 'a look at one that is none', argv: ['backup', 'show', '99'], code: 12, says: ['there is no backup 99'] },
  {
    what: 'a file that is not there',
    argv: ['backup', 'verify', './a.archive.gz'],
    code: 12,
    says: ['./a.archive.gz'],
  },
  {
    what: 'a restore of a file that is not there',
    argv: ['backup', 'restore', './a.archive.gz', '--yes'],
    here: true,
    code: 12,
    says: ['./a.archive.gz'],
  },
  {
    what: 'an archive that has gone',
    prepare: (place) => without(`backups/${place.backup}.archive.gz`)(place),
    argv: verify,
    code: 31,
    says: [named],
  },
  {
    what: 'an empty archive',
    prepare: changed(archiveOf, () => Buffer.alloc(0)),
    argv: verify,
    code: 31,
    says: [named],
  },
  {
    what: 'an archive that ends too soon',
    prepare: changed(archiveOf, (bytes) => bytes.subarray(0, bytes.length / 2)),
    argv: verify,
    code: 31,
    says: [named],
  },
  { what: 'one bit that is another', prepare: changed(archiveOf, flipped), argv: verify, code: 31, says: [named] },
  {
    what: 'bytes after the end',
    prepare: changed(archiveOf, (bytes) => Buffer.concat([bytes, Buffer.from('more')])),
    argv: verify,
    code: 31,
    says: [named],
  },
  {
    what: 'an archive that is text',
    prepare: file('notes.archive.gz', 'bought apples'),
    argv: ['backup', 'verify', './notes.archive.gz'],
    code: 31,
    says: ['notes.archive.gz'],
  },
  {
    what: 'gzip of something else',
    prepare: file('notes.archive.gz', gzipSync('bought apples, and pears')),
    argv: ['backup', 'verify', './notes.archive.gz'],
    code: 31,
    says: ['notes.archive.gz', 'does not start with 6d e2 99 81'],
  },
  {
    what: 'a length of two gigabytes',
    prepare: changed(archiveOf, hugeLength),
    argv: verify,
    code: 31,
    says: [named, '2147483647'],
  },
  {
    what: 'another archive under the name',
    prepare: changed(
      archiveOf,
      inside((bytes) => bytes),
    ),
    argv: verify,
    code: 31,
    says: [named, 'manifest'],
  },
  {
    what: 'a manifest that somebody changed',
    prepare: changed(manifestOf, (bytes) =>
      Buffer.from(bytes.toString().replace(/"documents": ?\d+/, '"documents": 9')),
    ),
    argv: verify,
    code: 31,
    says: [({ backup }) => `${backup}.manifest.json`],
  },
  {
    what: 'a manifest that is no JSON',
    prepare: changed(manifestOf, (bytes) => bytes.subarray(0, 40)),
    argv: verify,
    code: 31,
    says: [({ backup }) => `${backup}.manifest.json`],
  },
  {
    what: 'a restore of half an archive',
    prepare: changed(archiveOf, (b) => b.subarray(0, b.length / 2)),
    argv: restore,
    here: true,
    code: 31,
    says: [named],
  },
  {
    what: 'a restore with a bit that is another',
    prepare: changed(archiveOf, flipped),
    argv: restore,
    here: true,
    code: 31,
    says: [named],
  },
  {
    what: 'a restore of a hostile archive',
    prepare: changed(archiveOf, hugeLength),
    argv: restore,
    here: true,
    code: 31,
    says: [named],
  },
  {
    what: 'a rollback to data that is damaged',
    prepare: changed(archiveOf, flipped),
    argv: ['rollback', '--with-database', '--yes'],
    here: true,
    code: 31,
    says: [named],
  },
];
