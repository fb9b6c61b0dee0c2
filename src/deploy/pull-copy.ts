import { listBackups, type WholeEntry } from '../backup/catalogue.ts';
import { listCopies } from '../backup/copies/catalogue.ts';
import { pullBackup } from '../backup/copies/pull.ts';
import type { CopyPlace } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { identityFiles } from './backup-keys.ts';
import type { Context } from './context.ts';
import { inOperation, type Session } from './operate.ts';
import { findCopy, findPlace, withPlace } from './places.ts';
import { requireDisk } from './preflight.ts';
import type { PullRequest } from './requests.ts';
import type { PullResult } from './results.ts';

export interface FoundCopy {
  readonly place: CopyPlace;
  readonly entry: WholeEntry;
  /** This host has it too, as far as a look tells. */
  readonly isHere: boolean;
}

/** Looks for a copy, and whether it may be brought here. Nothing is downloaded but manifests. */
export const findCopyToPull = async (context: Context, { backup, from }: PullRequest): Promise<FoundCopy> => {
  const { directory } = context.config.backup;
  const place = findPlace(context.config, from);
  const entry = await context.progress.step(`look at ${place.name}`, () =>
    withPlace(context, place, async (store) => findCopy(place, await listCopies(store), backup)),
  );
  const own = (await listBackups(directory)).find(({ id }) => id === entry.id);
  if (own?.manifest && own.manifest.sha256 !== entry.manifest.sha256) {
    throw new DeployError(
      'copy-failed',
      `backup ${entry.id} in ${directory} is another one than that at ${place.name}`,
      {
        hint: 'move the one here (archive and manifest) into another folder first',
      },
    );
  }
  const isHere = own !== undefined && own.manifest !== null && own.problem === null;
  if (!isHere) {
    await requireDisk([{ path: directory, bytes: entry.manifest.bytes, what: `backup ${entry.id}` }]);
  }
  return { place, entry, isHere };
};

/** Brings it to the folder of the backups, read from end to end and compared before it gets its name. */
export const download = async (
  context: Context,
  { place, entry }: FoundCopy,
  identityFiles: readonly string[],
): Promise<void> =>
  context.progress.step(`download ${entry.id} from ${place.name}`, (step) =>
    withPlace(context, place, (store) =>
      pullBackup(store, entry, {
        ...{ directory: context.config.backup.directory, clock: context.clock, signal: context.signal },
        identityFiles,
        onLocked: ({ message }) =>
          context.progress.warn(`${message}: its SHA-256 is right, and no more could be checked`),
        onBytes: (bytes) => step.bytes(bytes, entry.manifest.bytes),
        onVerify: ({ bytes, totalBytes }) => {
          step.detail('verifying');
          step.bytes(bytes, totalBytes);
        },
      }),
    ),
  );

/** Brings a backup back from a place. */
export const pullCopy = (session: Session, request: PullRequest): Promise<PullResult> =>
  inOperation(
    session,
    { kind: 'pull', subject: ({ entry, place }: FoundCopy) => `${entry.id} from ${place.name}` },
    {
      prepare: (context) => findCopyToPull(context, request),
      run: async (context, { operation }, found) => {
        const { entry, place, isHere } = found;
        const started = context.clock.monotonic();
        if (!isHere) {
          await operation.effect('copy.pull', { place: place.name, id: entry.id }, () =>
            download(context, found, identityFiles(context.config)),
          );
        }
        return {
          ...{ operation: operation.id, backup: entry.id, place: place.name, bytes: entry.manifest.bytes },
          ...{ changed: !isHere, elapsedMs: Math.round(context.clock.monotonic() - started) },
        };
      },
    },
  );
