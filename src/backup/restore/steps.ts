import { DeployError } from '../../errors.ts';
import { inLanes } from '../../system/lanes.ts';
import { LANES } from '../connection.ts';
import { namespaceOf } from '../namespace.ts';
import { checkTaken } from './check-taken.ts';
import { makeExpiryLive } from './expiry.ts';
import { countDocuments } from './server-steps.ts';
import { stageCollections } from './stage.ts';
import { copyCollection, swapForward } from './swap.ts';
import { rehearseViews } from './views.ts';
import { hasExpiry, isCollection, type Work } from './work.ts';

/** Everything that can be done, and checked, without touching a live collection. */
export const stage = async (work: Work): Promise<void> => {
  const { database, backup, stagings, signal, plan, operation, onProgress } = work;
  await rehearseViews(database, operation.id, plan.views);
  await stageCollections({ database, backup, stagings, signal, onProgress });
  for (const { db, collection, kept, how } of plan.collections) {
    if (how === 'copy' && kept !== null) await copyCollection(database, db, collection, kept);
  }
  signal?.throwIfAborted();
};

/** Everything that was restored, under its own name, against the archive. */
const compareRestored = ({ database, stagings, signal }: Work): Promise<void> =>
  inLanes(stagings, { lanes: LANES, signal }, async ({ namespace, definition }) => {
    const name = namespaceOf(namespace);
    await checkTaken(database, namespace, definition, name);
    if (namespace.type === 'timeseries') return;
    const count = await countDocuments(database, namespace, namespace.documents);
    if (count !== namespace.documents) {
      throw new DeployError(
        'restore-failed',
        `${name}: ${count} documents after the swap, the backup has ${namespace.documents}`,
      );
    }
  });

/** Makes the staged collections live, and checks what is live then. Whatever fails here is undone by the caller. */
export const swap = async (work: Work): Promise<void> => {
  const { database, plan, operation, signal, scope, onProgress } = work;
  const of = plan.collections.length;
  await swapForward(database, plan, {
    before: async (index, each) => {
      await operation.note('restore.swap', { at: index + 1, of, collection: namespaceOf(each) });
      onProgress?.({ phase: 'swap', namespace: namespaceOf(each), bytes: index, totalBytes: of });
      signal?.throwIfAborted();
    },
  });
  await compareRestored(work);
  for (const namespace of scope.namespaces.filter(hasExpiry)) {
    await makeExpiryLive(database, namespace, namespace);
    await checkTaken(database, namespace, namespace, namespaceOf(namespace));
  }
  for (const view of scope.namespaces.filter((each) => !isCollection(each))) {
    await checkTaken(database, view, view, `view ${namespaceOf(view)}`);
  }
};
