import { DeployError } from '../../errors.ts';
import type { Definition } from '../archive/format.ts';
import { listNames } from '../collections.ts';
import type { Database } from '../connection.ts';
import { digestFor } from '../definition.ts';
import { insertRaw } from '../raw-insert.ts';
import { readCollection } from '../raw-read.ts';
import { readDefinition } from './check-taken.ts';
import type { CollectionSwap, SwapPlan } from './plan.ts';
import { createCollection, createIndexes, dropCollection, renameCollection } from './server-steps.ts';
import { dataTarget } from './stage.ts';
import { createView, dropView } from './views.ts';

/** Makes `to` a copy of `from`, documents as bytes. Anything of the name `to` is dropped first. */
export const copyCollection = async (
  database: Database,
  db: string,
  from: string,
  to: string,
  definition?: Definition,
): Promise<void> => {
  const listed = (await listNames(database, db)).find(({ name }) => name === from);
  const own = definition ?? (await readDefinition(database, db, from));
  if (listed === undefined || own === null) throw new DeployError('restore-failed', `${db}.${from}: it is not there`);
  await dropCollection(database, db, to);
  await createCollection(database, db, to, own.options);
  const source = await dataTarget(database, db, from, listed.type);
  const target = await dataTarget(database, db, to, listed.type);
  const digest = digestFor(own.options);
  for await (const run of readCollection(database, db, source.collection, { rawData: source.rawData })) {
    digest.add(run);
    await insertRaw(database, target, run);
  }
  const copied = digestFor(own.options);
  for await (const run of readCollection(database, db, target.collection, { rawData: target.rawData })) copied.add(run);
  if (copied.hex() !== digest.hex())
    throw new DeployError('restore-failed', `${db}.${to}: the copy is not like ${from}`);
  await createIndexes(database, db, to, own.indexes);
};

const swapOne = async (database: Database, { db, collection, staged, kept, how }: CollectionSwap): Promise<void> => {
  if (how === 'copy') {
    // The kept copy was made and checked before the swap began.
    if (staged === null) await dropCollection(database, db, collection);
    else await copyCollection(database, db, staged, collection);
    return;
  }
  if (kept !== null) await renameCollection(database, db, collection, kept);
  if (staged !== null) await renameCollection(database, db, staged, collection);
};

/** Brings the staged collections and views to life, one after the other. */
export const swapForward = async (
  database: Database,
  plan: SwapPlan,
  hooks: { before(index: number, swap: CollectionSwap): Promise<void> },
): Promise<void> => {
  // Views that change make room first: a collection may take the name of one.
  for (const view of plan.views) await dropView(database, view, 'after');
  for (const [index, swap] of plan.collections.entries()) {
    await hooks.before(index, swap);
    await swapOne(database, swap);
  }
  for (const view of plan.views) await createView(database, view, 'after');
};

/**
 * Where a rename has come to is written in the names: each of the two renames is atomic, so `kept` is there from the
 * first on, and `staged` is gone from the second on.
 */
const unswapRenamed = async (database: Database, swap: CollectionSwap, names: ReadonlySet<string>): Promise<void> => {
  const { db, collection, staged, kept } = swap;
  const began = kept === null ? staged !== null && !names.has(staged) : names.has(kept);
  if (!began) return;
  if (names.has(collection)) {
    if (staged === null || names.has(staged)) {
      throw new DeployError('restore-failed', `${db}.${collection}: something created it while it was being restored`, {
        hint: `its data from before is in ${db}.${kept}: look at both, drop or rename the new one, and run \`kaleem-deploy recover\``,
      });
    }
    await renameCollection(database, db, collection, staged);
  }
  if (kept !== null) await renameCollection(database, db, kept, collection);
};

const unswapCopied = async (database: Database, swap: CollectionSwap, names: ReadonlySet<string>): Promise<void> => {
  const { db, collection, kept } = swap;
  if (kept === null) await dropCollection(database, db, collection);
  else if (names.has(kept)) await copyCollection(database, db, kept, collection);
};

/** Brings back what was live before the swap, from wherever it has come to. Repeating it does no harm. */
export const swapBack = async (database: Database, plan: SwapPlan): Promise<void> => {
  for (const view of plan.views) await dropView(database, view, 'before');
  for (const swap of [...plan.collections].reverse()) {
    const names = new Set((await listNames(database, swap.db)).map(({ name }) => name));
    if (swap.how === 'rename') await unswapRenamed(database, swap, names);
    else await unswapCopied(database, swap, names);
  }
  for (const view of plan.views) await createView(database, view, 'before');
};
