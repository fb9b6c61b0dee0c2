import type { BackupEntry } from '../backup/catalogue.ts';
import type { PruneChoice } from '../backup/retention.ts';
import type { Removed } from './results.ts';

/** Removes what was chosen of these, in turn. `where`: what stands behind an id when a person is told. */
export const removeChosen = async (
  entries: readonly BackupEntry[],
  { remove }: PruneChoice,
  how: { readonly where: string; readonly remove: (entry: BackupEntry) => Promise<void> },
): Promise<readonly Removed[]> => {
  const removed: Removed[] = [];
  for (const { id, reason } of remove) {
    const entry = entries.find((each) => each.id === id);
    if (entry === undefined) continue;
    await how.remove(entry);
    removed.push({ name: `${id}${how.where}`, bytes: entry.manifest?.bytes ?? null, reason });
  }
  return removed;
};
