import { createHash } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#failpoint';
import type { DeployError } from '../../errors.ts';
import type { Clock } from '../../system/clock.ts';
import { makeDirectory, removeDurably } from '../../system/durable-file.ts';
import { around } from '../../system/failpoints/around.ts';
import { isIdentityMissing } from '../age/unlock.ts';
import { archiveInvalid } from '../archive/invalid.ts';
import type { WholeEntry } from '../catalogue.ts';
import { type Manifest, writeManifest } from '../manifest.ts';
import { clearMarks, setMark } from '../marks.ts';
import { type VerifyProgress, verifyBackup } from '../verify.ts';
import type { CopyStore } from './store.ts';

/** Where a download lies until it has been verified: hidden, and in the same file system. */
export const pullFolder = (directory: string): string => join(directory, '.pull');

export interface PullOptions {
  /** Where the backups of this host are. */
  readonly directory: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  readonly onVerify: (progress: VerifyProgress) => void;
  /** With which it is decrypted, to be verified. */
  readonly identityFiles: readonly string[];
  /** None of them can: it has its manifest's SHA-256, and no more is known. */
  readonly onLocked: (error: DeployError) => void;
}

const download = async (store: CopyStore, { archive, bytes, sha256 }: Manifest, path: string, options: PullOptions) => {
  await failpoint('copy.download.before');
  const handle = await open(path, 'wx', 0o600);
  try {
    const digest = createHash('sha256');
    let written = 0;
    for await (const piece of store.get(archive, bytes)) {
      options.signal.throwIfAborted();
      digest.update(piece);
      await handle.writeFile(piece);
      written += piece.length;
      options.onBytes(written);
    }
    const found = digest.digest('hex');
    if (found !== sha256) {
      throw archiveInvalid(`${store.url}/${archive}`, `its SHA-256 is ${found}, the manifest says ${sha256}`);
    }
    await handle.sync();
    await failpoint('copy.download.after');
  } finally {
    await handle.close();
  }
};

/**
 * Brings a backup back to this host. It gets its name once it has been read from end to end and compared with its manifest, as `backup
 * verify` does, or, where nobody at hand can decrypt it, once its SHA-256 is the manifest's; until then, and on any failure, nothing but a hidden folder is there. An archive of that name is replaced.
 *
 * @throws DeployError 'backup-invalid' when it is not what its manifest says
 */
export const pullBackup = async (
  store: CopyStore,
  { manifest, marks }: WholeEntry,
  options: PullOptions,
): Promise<void> => {
  const { directory, clock, signal, onVerify, identityFiles, onLocked } = options;
  const folder = pullFolder(directory);
  await makeDirectory(directory);
  // Of one whose process died: the project's lock says that nobody else is at it.
  await removeDurably(folder);
  await makeDirectory(folder);
  try {
    const path = join(folder, manifest.archive);
    await download(store, manifest, path, options);
    await writeManifest(folder, manifest);
    const isVerified = await verifyBackup(path, { signal, onProgress: onVerify, identityFiles }).then(
      () => true,
      (error: unknown) => {
        if (!isIdentityMissing(error)) throw error;
        onLocked(error);
        return false;
      },
    );
    const own = join(directory, manifest.archive);
    await clearMarks(own);
    // Its name is on the disk with that of its manifest, in the same folder.
    await around('copy.keep', () => rename(path, own));
    await around('backup.manifest', () => writeManifest(directory, manifest));
    if (marks.pinned !== null) await setMark(own, 'pinned', marks.pinned);
    if (isVerified) await setMark(own, 'verified', { at: clock.now().toISOString(), problem: null });
  } finally {
    await removeDurably(folder).catch(() => {});
  }
};
