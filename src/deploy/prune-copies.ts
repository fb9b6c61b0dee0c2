import { listCopies, removeCopy } from '../backup/copies/catalogue.ts';
import type { CopyPlace } from '../config/config.ts';
import type { Operation } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import type { Context } from './context.ts';
import { withPlace } from './places.ts';
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
    const { remove } = backupsToRemove(entries, place.keep, kept);
    const removed: Removed[] = [];
    for (const { id, reason } of remove) {
      const entry = entries.find((each) => each.id === id);
      if (entry === undefined) continue;
      await operation.effect('copy.remove', { place: place.name, id }, () => removeCopy(store, entry));
      removed.push({ name: `${id} at ${place.name}`, bytes: entry.manifest?.bytes ?? null, reason });
    }
    return removed;
  });
