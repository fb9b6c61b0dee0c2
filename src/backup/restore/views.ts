import { fromExtendedJson, toExtendedJson } from '../archive/extended-json.ts';
import type { OrderedDocument } from '../archive/ordered-document.ts';
import { type LiveCollection, listNames } from '../collections.ts';
import type { Database } from '../connection.ts';
import { canonicalText } from '../definition.ts';
import { temporaryName } from '../names.ts';
import { namespaceOf } from '../namespace.ts';
import { checkTaken } from './check-taken.ts';
import type { RestoreScope, ViewSwap } from './plan.ts';
import { createCollection, dropCollection } from './server-steps.ts';

/** Views that must change: those that differ from the backup's, and the extra ones where those are dropped. */
export const planViews = (scope: RestoreScope, live: readonly LiveCollection[], drop: boolean): readonly ViewSwap[] => {
  const liveViews = new Map(live.filter(({ type }) => type === 'view').map((each) => [namespaceOf(each), each]));
  const swap = (each: { db: string; collection: string }, after: OrderedDocument | null): ViewSwap => {
    const before = liveViews.get(namespaceOf(each))?.options ?? null;
    return {
      ...{ db: each.db, collection: each.collection },
      before: before === null ? null : toExtendedJson(before),
      after: after === null ? null : toExtendedJson(after),
    };
  };
  const wanted = scope.namespaces.filter((each) => {
    const own = liveViews.get(namespaceOf(each));
    if (each.type !== 'view') return own !== undefined;
    return own === undefined || canonicalText(own.options) !== canonicalText(each.options);
  });
  const extra = drop ? scope.extra.filter(({ type }) => type === 'view') : [];
  return [
    ...wanted.map((each) => swap(each, each.type === 'view' ? each.options : null)),
    ...extra.map((each) => swap(each, null)),
  ];
};

const viewNow = async (database: Database, { db, collection }: ViewSwap): Promise<OrderedDocument | null> => {
  const listed = (await listNames(database, db)).find(({ name }) => name === collection);
  return listed?.type === 'view' ? listed.options : null;
};

const isAlready = (now: OrderedDocument, wanted: string | null): boolean =>
  wanted !== null && canonicalText(now) === canonicalText(fromExtendedJson(wanted));

/** Drops the view of that name, unless it is none or already what it shall become. */
export const dropView = async (database: Database, view: ViewSwap, becomes: 'before' | 'after'): Promise<void> => {
  const now = await viewNow(database, view);
  if (now !== null && !isAlready(now, view[becomes])) await dropCollection(database, view.db, view.collection);
};

/** Creates the view as it was (`before`) or as it shall be (`after`), unless it is there. Call `dropView` first. */
export const createView = async (database: Database, view: ViewSwap, which: 'before' | 'after'): Promise<void> => {
  const wanted = view[which];
  if (wanted === null || (await viewNow(database, view)) !== null) return;
  await createCollection(database, view.db, view.collection, fromExtendedJson(wanted));
};

/** Creates each view under a temporary name, as it is and as it shall be, and checks that the server made one of it. */
export const rehearseViews = async (
  database: Database,
  operation: string,
  views: readonly ViewSwap[],
): Promise<void> => {
  for (const view of views) {
    const namespace = namespaceOf(view);
    const probe = { db: view.db, collection: temporaryName('probe', operation, namespace) };
    for (const text of [view.after, view.before]) {
      if (text === null) continue;
      const options = fromExtendedJson(text);
      try {
        await createCollection(database, probe.db, probe.collection, options);
        await checkTaken(database, probe, { options, indexes: [] }, `view ${namespace}`);
      } finally {
        await dropCollection(database, probe.db, probe.collection);
      }
    }
  }
};
