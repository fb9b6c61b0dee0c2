import { listCopies, removeCopy } from '../backup/copies/catalogue.ts';
import type { CopyPlace } from '../config/config.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import type { Context } from './context.ts';
import { withPlace } from './places.ts';
import { removeChosen } from './remove-chosen.ts';
import type { Removed } from './results.ts';
import { backupsToRemove } from './what-to-remove.ts';

/** Removes from a place what its own rules don't keep and no kept release needs. */
export const pruneCopies = (
  context: Context,
  operation: Operation,
  place: CopyPlace,
  kept: readonly Release[],
): Promise<readonly Removed[]> =>
  withPlace(context, place, async (store) => {
    const { entries } = await context.progress.step(`look at ${place.name}`, () => listCopies(store));
    return removeChosen(entries, backupsToRemove(entries, place.keep, kept), {
      where: ` at ${place.name}`,
      remove: (entry) =>
        operation.effect('copy.remove', { place: place.name, id: entry.id }, () => removeCopy(store, entry)),
    });
  });
