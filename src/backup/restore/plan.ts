import { z } from 'zod';
import type { LiveCollection } from '../collections.ts';
import { isAccessControl, temporaryName } from '../names.ts';
import { namespaceOf } from '../namespace.ts';
import { choose, isChosen, type NamespaceFilter } from '../namespace-filter.ts';
import type { VerifiedBackup, VerifiedNamespace } from '../verify.ts';

const swapSchema = z.strictObject({
  db: z.string(),
  collection: z.string(),
  /** What becomes live; null: nothing of that name was in the backup. */
  staged: z.string().nullable(),
  /** Where the live one goes; null: there is none. */
  kept: z.string().nullable(),
  /** Servers can't rename a time series or a `system.` collection: their documents are copied instead. */
  how: z.enum(['rename', 'copy']),
});

const viewSchema = z.strictObject({
  db: z.string(),
  collection: z.string(),
  /** Options as canonical Extended JSON; null: there is (was) none of that name. */
  before: z.string().nullable(),
  after: z.string().nullable(),
});

const swapPlanSchema = z.strictObject({
  version: z.literal(1),
  collections: z.array(swapSchema),
  views: z.array(viewSchema),
});

/**
 * The plan as a journal carries it: as hex, since texts in a journal are redacted, and a secret that happens to be the
 * name of a collection ("orders") would make the plan useless.
 */
export const encodePlan = (plan: SwapPlan): string => Buffer.from(JSON.stringify(plan)).toString('hex');

/** The plan of a journal's entry; null when it is none that is known here. */
export const decodePlan = (data: unknown): SwapPlan | null => {
  const entry = z.object({ plan: z.string() }).safeParse(data);
  if (!entry.success) return null;
  try {
    return swapPlanSchema.parse(JSON.parse(Buffer.from(entry.data.plan, 'hex').toString()));
  } catch {
    return null;
  }
};

/** Everything an undo needs to know, in the journal before the first live collection is touched. */
export type SwapPlan = z.infer<typeof swapPlanSchema>;
export type CollectionSwap = z.infer<typeof swapSchema>;
export type ViewSwap = z.infer<typeof viewSchema>;

export interface RestoreScope {
  /** What of the archive is restored. */
  readonly namespaces: readonly VerifiedNamespace[];
  /** What is live and was not there at backup time. */
  readonly extra: readonly LiveCollection[];
  readonly warnings: readonly string[];
}

/**
 * What a restore is about: the archive's collections in the database that work is confined to, those that the filter chooses,
 * without users and roles. Extra collections are looked for where the backup was complete (in its scope, or else in the
 * databases it names) and the filter chooses them.
 */
export const scopeOf = (
  backup: Pick<VerifiedBackup, 'manifest' | 'namespaces' | 'oplogEntries'>,
  live: readonly LiveCollection[],
  { only, filter }: { readonly only: string | null; readonly filter: NamespaceFilter | null },
): RestoreScope => {
  const inDatabase = backup.namespaces.filter(({ db }) => only === null || db === only);
  const own = choose(filter, inDatabase, 'the backup');
  const namespaces = own.filter(({ db, collection }) => !isAccessControl(db, collection));
  const names = new Set(own.map(namespaceOf));
  const databases = new Set(own.map(({ db }) => db));
  const complete = (db: string): boolean =>
    backup.manifest === null ? databases.has(db) : backup.manifest.scope === null || backup.manifest.scope === db;
  const wasChosen = (each: LiveCollection): boolean =>
    isChosen(backup.manifest?.partial ?? null, each) && isChosen(filter, each);
  const elsewhere = new Set(backup.namespaces.filter((each) => !inDatabase.includes(each)).map(({ db }) => db));
  return {
    namespaces,
    extra: live.filter(
      (each) =>
        complete(each.db) &&
        wasChosen(each) &&
        !names.has(namespaceOf(each)) &&
        !isAccessControl(each.db, each.collection),
    ),
    warnings: [
      ...(elsewhere.size > 0
        ? [`left out, being in other databases than ${only}: ${[...elsewhere].sort().join(', ')}`]
        : []),
      ...(own.length > namespaces.length ? ['users and roles were left as they are'] : []),
      ...(backup.oplogEntries > 0 ? [`the archive's oplog (${backup.oplogEntries} entries) was not replayed`] : []),
    ],
  };
};

/** Whether a server can move a collection by renaming it. */
const howToMove = (each: { readonly type: string; readonly collection: string }): CollectionSwap['how'] =>
  each.type === 'timeseries' || each.collection.startsWith('system.') ? 'copy' : 'rename';

/** The moves that bring the backup's collections to life; `drop`: the extra ones go too. */
export const planSwaps = (
  operation: string,
  scope: RestoreScope,
  live: readonly LiveCollection[],
  drop: boolean,
): readonly CollectionSwap[] => {
  const liveByName = new Map(live.filter(({ type }) => type !== 'view').map((each) => [namespaceOf(each), each]));
  const swap = (each: LiveCollection | VerifiedNamespace, staged: boolean): CollectionSwap => {
    const namespace = namespaceOf(each);
    const old = liveByName.get(namespace);
    const copied = [each, ...(old === undefined ? [] : [old])].some((one) => howToMove(one) === 'copy');
    return {
      ...{ db: each.db, collection: each.collection },
      staged: staged ? temporaryName('staged', operation, namespace) : null,
      kept: old === undefined ? null : temporaryName('kept', operation, namespace),
      how: copied ? 'copy' : 'rename',
    };
  };
  const wanted = scope.namespaces.filter(({ type }) => type !== 'view').map((each) => swap(each, true));
  // A live collection where the backup has a view of the same name makes room for it.
  const displaced = scope.namespaces.filter((each) => each.type === 'view' && liveByName.has(namespaceOf(each)));
  const dropped = drop ? scope.extra.filter(({ type }) => type !== 'view') : [];
  const all = [...wanted, ...[...displaced, ...dropped].map((each) => swap(each, false))];
  // What can be undone by a rename goes first; a copy takes long, and so it is least likely to be in vain at the end.
  return all.sort((a, b) => (a.how === b.how ? 0 : a.how === 'rename' ? -1 : 1));
};
