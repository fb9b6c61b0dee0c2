import { access, appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArchiveFile } from '../../../src/backup/archive/archive-file.ts';
import { writePrelude } from '../../../src/backup/archive/writer.ts';
import { findBackup, removeBackup, type WholeEntry } from '../../../src/backup/catalogue.ts';
import { combineHashes } from '../../../src/backup/content-hash.ts';
import { pullBackup } from '../../../src/backup/copies/pull.ts';
import type { CopyStore } from '../../../src/backup/copies/store.ts';
import { type Manifest, writeManifest } from '../../../src/backup/manifest.ts';
import { start } from '../../../src/cli/start.ts';
import type { Context } from '../../../src/deploy/context.ts';
import { holdOldImages } from '../../../src/deploy/hold.ts';
import { createJournal, resumeJournal } from '../../../src/operation/journal.ts';
import { beginOperation, type Operation } from '../../../src/operation/operations.ts';
import { openReleases, type Release, type Snapshot } from '../../../src/operation/releases.ts';
import { openState } from '../../../src/operation/state.ts';
import { recordAsked } from '../../../src/remote/gate/record.ts';
import { trustHostKey } from '../../../src/remote/trust.ts';
import { systemClock } from '../../../src/system/clock.ts';
import {
  createFile,
  makeDirectory,
  makeDurable,
  removeDurably,
  replaceFile,
  syncDirectory,
} from '../../../src/system/durable-file.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { MARK } from '../../support/durability.ts';
import { keyOf } from '../../support/public-keys.ts';

// Everything that writes durably, one after the other, run under strace by durability.test.ts. Each has promised, when it
// resolves, that a power cut takes nothing of it; a mark says that it has resolved.

const [root = ''] = process.argv.slice(2);
const at = (...names: readonly string[]): string => join(root, ...names);
const over = (what: string): Promise<void> => access(`${MARK}${what}`).catch(() => {});

const clock = systemClock;
const redactor = createRedactor();

await makeDirectory(at('a/b/c'));
await over('makeDirectory');
await createFile(at('a/b/c/file'), 'content');
await syncDirectory(at('a/b/c'));
await over('createFile and its directory');
await replaceFile(at('a/.env'), 'A=1\n');
await over('replaceFile of a new file');
await replaceFile(at('a/.env'), 'A=2\n');
await over('replaceFile');
await writeFile(at('a/saved-by-another-program'), 'content', { flag: 'wx' });
await makeDurable(at('a/saved-by-another-program'));
await over('makeDurable');
await removeDurably(at('a/.env'));
await over('removeDurably of a file');
await removeDurably(at('a/b'));
await over('removeDurably of a folder');

const state = await openState(at('state'));
await over('openState');
const operation = await beginOperation({
  ...{
    state,
    kind: 'deploy',
    subject: 'v1',
    who: 'a@b',
    runner: null,
    requestId: null,
    clock,
    redactor,
    signal: new AbortController().signal,
  },
});
await over('beginOperation');
await operation.effect('step', { some: 'intent' }, () => over('an intent, before its effect'));
await over('a result');
await operation.note('step', 'a note');
await over('a note');
await operation.end('succeeded', 0);
await over('an end');

const journal = await createJournal(at('journal.jsonl'), { clock, redactor });
await over('createJournal');
await journal.append('begin', 'deploy', {});
await journal.close();
await appendFile(at('journal.jsonl'), 'torn', { flush: true });
const resumed = await resumeJournal(at('journal.jsonl'), { clock, redactor });
await over('resumeJournal');
await resumed.append('end', 'failed', {});
await over('append to a resumed journal');
await resumed.close();

const release = (id: number): Release => ({
  ...{ id, tag: `v${id}`, origin: 'deployed', images: [], services: {}, variables: [], backup: null, status: 'good' },
  ...{ who: 'a@b', at: '2026-01-31T12:00:00.000Z', operation: operation.id, downtimeMs: 1, backupDurationMs: null },
});
const snapshot: Snapshot = {
  compose: '{}',
  files: [{ path: '/srv/compose.yml', mode: 0o644, content: Buffer.from('services: {}\n') }],
};
const releases = openReleases(state);
for (const id of [1, 2]) {
  await releases.save(release(id), snapshot);
  await over(`releases.save ${id}`);
  await releases.setLive(id);
  await over(`releases.setLive ${id}`);
}
await releases.update({ ...release(1), status: 'bad' });
await over('releases.update');
// An image that no registry has: Docker writes the file, and does not sync it.
const saved = (path: string): Promise<void> => writeFile(path, 'image', { flag: 'wx' });
await holdOldImages(
  {
    docker: {
      image: async () => ({ repoTags: [], repoDigests: [] }),
      tag: async () => {},
      saveImage: (_: unknown, path: string) => saved(path),
    },
    project: { name: 'p' },
    config: { stateDirectory: state.path },
  } as unknown as Context,
  { effect: (_step: string, _intent: unknown, work: () => Promise<void>) => work() } as unknown as Operation,
  { ...release(2), services: { api: { image: 'api:v2', imageId: 'sha256:b', heldAs: null } } },
);
await over('an image that was saved');
await releases.remove(1);
await over('releases.remove');

const backups = at('backups');
await makeDirectory(backups);
const file = await ArchiveFile.create(join(backups, '000001-v1.archive.gz'), 1);
await file.write(Buffer.alloc(3_000_000, 'documents'));
const written = await file.finish();
await over('an archive');
const manifestOf = (id: string, facts: typeof written): Manifest => ({
  ...{ formatVersion: 1, id, archive: `${id}.archive.gz`, ...facts },
  ...{ createdAt: '2026-01-31T12:00:00.000Z', operation: null, release: 'v1', toolVersion: '1', serverVersion: '7' },
  ...{ database: { replicaSet: null, replicaSetId: null, ferretdb: false }, scope: null, consistency: 'fenced' },
  ...{ clusterTime: null, durationMs: 1, contentHash: combineHashes([]).hash },
  ...{ documents: 0, dataBytes: 0, namespaces: [] },
});
await writeManifest(backups, manifestOf('000001-v1', written));
await over('a manifest');
await removeBackup(await findBackup(backups, '1'));
await over('removeBackup');

const empty = await ArchiveFile.create(join(backups, '000002-v1.archive.gz'), 1);
await writePrelude(empty, { concurrentCollections: 1, version: '0.1', toolVersion: '1', serverVersion: '7' }, []);
const manifest = manifestOf('000002-v1', await empty.finish());
const copy = await readFile(join(backups, manifest.archive));
await removeDurably(join(backups, manifest.archive));
const store = {
  url: 'a place',
  async *get() {
    yield copy;
  },
} as unknown as CopyStore;
await pullBackup(store, { manifest, marks: { pinned: null } } as unknown as WholeEntry, {
  ...{ directory: backups, clock, signal: new AbortController().signal, identityFiles: [] },
  ...{ onBytes: () => {}, onVerify: () => {}, onLocked: () => {} },
});
await over('a copy that was brought back');

await trustHostKey(at('ssh/known_hosts'), { name: 'server', key: keyOf('ssh-ed25519', 'server'), hash: false });
await over("a host's key");

const asked = { caller: { key: 'ci', fingerprint: null, address: null }, command: 'sh', outcome: { refused: 'no' } };
await recordAsked(at('gate'), clock, asked);
await over("the first line of a gate's record");
await writeFile(at('gate/000001.jsonl'), 'x'.repeat(1024 * 1024), { flush: true });
for (const number of [2, 3]) {
  await recordAsked(at('gate'), clock, asked);
  await over(`line ${number} of a gate's record`);
}

await writeFile(at('compose.yml'), 'services:\n  api:\n    image: api:v1\n', { flag: 'wx', flush: true });
await writeFile(at('.env'), 'MONGODB_URI=mongodb://mongo:27017/kaleem\n', { flag: 'wx', flush: true });
process.chdir(root);
await syncDirectory(root);
// The last: it ends the process.
await start(['init']);
