import { type BackupEntry, isWhole, pickBackup, type WholeEntry } from '../backup/catalogue.ts';
import { type Copies, listCopies } from '../backup/copies/catalogue.ts';
import { PlaceFailure } from '../backup/copies/failure.ts';
import { openStore } from '../backup/copies/open-store.ts';
import type { CopyStore } from '../backup/copies/store.ts';
import type { Config, CopyPlace } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import type { Clock } from '../system/clock.ts';

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
