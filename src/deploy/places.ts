import { type BackupEntry, isWhole, pickBackup, type WholeEntry } from '../backup/catalogue.ts';
import { type Copies, listCopies } from '../backup/copies/catalogue.ts';
import { PlaceFailure } from '../backup/copies/failure.ts';
import { openStore } from '../backup/copies/open-store.ts';
import type { CopyStore } from '../backup/copies/store.ts';
import type { Config, CopyPlace } from '../config/config.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { Progress } from '../system/progress.ts';

/** The place that a person has named. */
export const findPlace = ({ backup }: Pick<Config, 'backup'>, name: string): CopyPlace => {
  const found = backup.copies.find((place) => place.name === name);
  if (found !== undefined) return found;
  const names = backup.copies.map((place) => place.name).join(', ');
  throw new DeployError('not-found', `no place for copies is called ${name}`, {
    hint: names === '' ? 'name places under `backup: copies:` in kaleem-deploy.yml' : `there are: ${names}`,
  });
};

const asDeployError = ({ name, url }: CopyPlace, error: unknown): unknown =>
  error instanceof PlaceFailure
    ? new DeployError('copy-failed', `${name} (${url}): ${error.message}`, {
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      })
    : error;

/** Opens a place for as long as `use` runs. Its failures are 'copy-failed', and name it. */
export const withPlace = async <T>(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  place: CopyPlace,
  use: (store: CopyStore) => Promise<T>,
): Promise<T> => {
  const store = await openStore(place, { clock, signal });
  try {
    return await use(store);
  } catch (error) {
    throw signal.aborted ? signal.reason : asDeployError(place, error);
  } finally {
    store.close();
  }
};

/**
 * Does something at each of these places, whatever becomes of the others. Then `atEnd` is done, and a failure is thrown, if there
 * was one; of several the first, and the others are told as warnings.
 */
export const atEachPlace = async <T>(
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Pick<Progress, 'warn'> },
  places: readonly CopyPlace[],
  work: (place: CopyPlace) => Promise<T>,
  atEnd: () => Promise<void> = async () => {},
): Promise<readonly T[]> => {
  const done: T[] = [];
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      done.push(await work(place));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      failures.push(error);
    }
  }
  await atEnd();
  if (failures.length === 0) return done;
  const [first, ...others] = failures;
  for (const other of others) progress.warn(messageOf(other));
  throw first;
};

/** A whole backup at a place, by its id or number. */
export const findCopy = ({ name }: CopyPlace, { entries }: Copies, asked: string): WholeEntry => {
  const found = pickBackup(entries, asked);
  if (found === undefined) {
    throw new DeployError('not-found', `there is no backup ${asked} at ${name}`, {
      hint: `kaleem-deploy backup list --copy ${name}`,
      details: entries.slice(0, 5).map(({ id }) => id),
    });
  }
  if (isWhole(found)) return found;
  throw new DeployError('backup-invalid', `backup ${found.id} at ${name} cannot be used: ${found.problem}`, {
    hint: `kaleem-deploy backup list --copy ${name}`,
  });
};

/** What a place holds. */
export const lookAtPlace = (
  world: { readonly clock: Clock; readonly signal: AbortSignal },
  place: CopyPlace,
): Promise<readonly BackupEntry[]> => withPlace(world, place, async (store) => (await listCopies(store)).entries);
