import { DeployError, messageOf } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import type { Clock } from '../system/clock.ts';
import { namespaceOf } from './archive/format.ts';
import { findLeftovers, type LiveCollection, listCollections } from './collections.ts';
import type { Database } from './connection.ts';
import { combineHashes } from './content-hash.ts';
import { temporaryName } from './names.ts';
import { checkTaken, readDefinition } from './restore/check-taken.ts';
import { checkVersion } from './restore/check-version.ts';
import { isTtl, makeExpiryLive, type Neutralising, neutral, probeNeutralising } from './restore/expiry.ts';
import { dropLeftovers } from './restore/leftovers.ts';
import { encodePlan, planSwaps, type RestoreScope, type SwapPlan, scopeOf } from './restore/plan.ts';
import { STEP } from './restore/recover.ts';
import { countDocuments } from './restore/server-steps.ts';
import { createStaged, fillStaged, finishStaged, type StageOptions, type Staging } from './restore/stage.ts';
import { copyCollection, swapBack, swapForward } from './restore/swap.ts';
import { planViews, rehearseViews } from './restore/views.ts';
import { readBackup, type VerifiedBackup, type VerifiedNamespace } from './verify.ts';

export { type RestoreRecovery, recoverRestore } from './restore/recover.ts';

export type RestorePhase = 'verify' | 'stage' | 'index' | 'compare' | 'swap' | 'finish';

export interface RestoreProgress {
  readonly phase: RestorePhase;
  readonly namespace: string | null;
  /** Of documents, in this phase. */
  readonly bytes: number;
  readonly totalBytes: number | null;
}

export interface RestoreReport {
  readonly documents: number;
  readonly bytes: number;
  /** Number of collections and views that are as the backup has them. */
  readonly namespaces: number;
  /** Collections that did not exist at backup time, by what became of them. */
  readonly keptExtra: readonly string[];
  readonly droppedExtra: readonly string[];
  /** Of what was restored; equal to the manifest's but where the server added defaults of its own to options. */
  readonly contentHash: string;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

export interface RestoreOptions {
  readonly database: Database;
  /** Of the archive. */
  readonly path: string;
  /** The restore's steps are journaled through it, and its id is in temporary names. */
  readonly operation: Pick<Operation, 'id' | 'effect' | 'note'>;
  /** What to do with collections that did not exist at backup time. */
  readonly extra: 'drop' | 'keep';
  /** Restore although the backup is of a newer server. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

interface Work extends RestoreOptions {
  readonly backup: VerifiedBackup;
  readonly scope: RestoreScope;
  readonly live: readonly LiveCollection[];
  readonly stagings: readonly Staging[];
  readonly plan: SwapPlan;
}

const isCollection = ({ type }: { readonly type: string }): boolean => type !== 'view';

/** A restore that died left live data under temporary names: that comes first. Staged copies nobody needs just go. */
const clearLeftovers = async (database: Database): Promise<void> => {
  const leftovers = await findLeftovers(database);
  const kept = leftovers.filter(({ kind }) => kind === 'kept');
  if (kept.length > 0) {
    throw new DeployError(
      'halted-earlier',
      `operation ${kept[0]?.operation} was cut short in a restore of this database`,
      {
        hint: 'run `kaleem-deploy recover` first',
        details: kept.map(({ db, collection }) => `${db}.${collection}`),
      },
    );
  }
  const problems = leftovers.length === 0 ? [] : await dropLeftovers(database, () => true);
  if (problems.length > 0) throw new DeployError('restore-failed', problems[0] as string, { details: problems });
};

const hasExpiry = ({ options, indexes }: VerifiedNamespace): boolean =>
  options.has('expireAfterSeconds') || indexes.some(isTtl);

const neutralising = async (database: Database, operation: string, namespaces: readonly VerifiedNamespace[]) => {
  const expiring = namespaces.find(hasExpiry);
  if (expiring === undefined) return 'plain';
  const how = await probeNeutralising(database, expiring.db, operation);
  if (how !== null) return how;
  throw new DeployError(
    'restore-failed',
    `${namespaceOf(expiring)}: this server cannot make a TTL index without deleting at once`,
    {
      hint: 'restore into a server whose collMod can change expireAfterSeconds',
    },
  );
};

const stagingsOf = (
  operation: string,
  namespaces: readonly VerifiedNamespace[],
  how: Neutralising,
): readonly Staging[] =>
  namespaces.filter(isCollection).map((namespace) => ({
    namespace,
    db: namespace.db,
    staged: temporaryName('staged', operation, namespaceOf(namespace)),
    definition: neutral(namespace, how),
  }));

const stage = async (work: Work): Promise<void> => {
  const { database, backup, stagings, signal, plan, operation, onProgress } = work;
  const totalBytes = stagings.reduce((sum, { namespace }) => sum + namespace.bytes, 0);
  let bytes = 0;
  const options: StageOptions = {
    ...{ database, backup, stagings, signal },
    onBytes: (namespace, more) => {
      bytes += more;
      onProgress?.({ phase: 'stage', namespace, bytes, totalBytes });
    },
    onStep: (phase, namespace) => onProgress?.({ phase, namespace, bytes, totalBytes }),
  };
  await rehearseViews(database, operation.id, plan.views);
  await createStaged(options);
  await fillStaged(options);
  await finishStaged(options);
  for (const { db, collection, kept, how } of plan.collections) {
    if (how === 'copy' && kept !== null) await copyCollection(database, db, collection, kept);
  }
  signal?.throwIfAborted();
};

/** Everything that was restored, under its own name, against the archive. */
const compareRestored = async ({ database, stagings }: Work): Promise<void> => {
  for (const { namespace, definition } of stagings) {
    const name = namespaceOf(namespace);
    await checkTaken(database, namespace, definition, name);
    if (namespace.type === 'timeseries') continue;
    const count = await countDocuments(database, namespace.db, namespace.collection);
    if (count !== namespace.documents) {
      throw new DeployError(
        'restore-failed',
        `${name}: ${count} documents after the swap, the backup has ${namespace.documents}`,
      );
    }
  }
};

const swap = async (work: Work): Promise<void> => {
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

/** As a person needs it, without losing the first failure. */
const failed = (error: unknown, state: string, details: readonly string[]): DeployError => {
  const cause = error instanceof DeployError ? error : null;
  return new DeployError('restore-failed', `${messageOf(error)} (${state})`, {
    cause: error,
    hint: cause?.hint ?? 'look at the database, then run the restore again',
    details: [...(cause?.details ?? []), ...details],
  });
};

/** Before the swap nothing live was touched: the staged copies go, and the failure is told. */
const unstage = async ({ database, operation, signal }: Work, error: unknown): Promise<never> => {
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (signal?.aborted && problems.length === 0) throw signal.reason;
  throw failed(error, 'nothing live was touched', problems);
};

const unswap = async (work: Work, error: unknown): Promise<never> => {
  const { database, operation, plan, signal } = work;
  try {
    await swapBack(database, plan);
    // From here on the names alone do not tell that the undo is over, and kept copies may go.
    await operation.note('restore.undone', { because: messageOf(error) });
  } catch (second) {
    throw new DeployError(
      'restore-failed',
      `${messageOf(error)}; bringing back what was live failed too: ${messageOf(second)}`,
      {
        cause: error,
        hint: 'nothing is lost: what was live is there, some of it under the names below; `kaleem-deploy recover` puts it back',
        details: plan.collections.flatMap(({ db, collection, kept }) =>
          kept === null ? [] : [`${db}.${collection}: ${db}.${kept}`],
        ),
      },
    );
  }
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (signal?.aborted && problems.length === 0) throw signal.reason;
  throw failed(error, 'what was live is live again', problems);
};

const finish = async ({ database, operation, plan }: Work): Promise<void> => {
  const problems = await dropLeftovers(database, (leftover) => leftover.operation === operation.id);
  if (problems.length === 0) return;
  throw new DeployError(
    'restore-failed',
    `the backup is restored, but ${problems.length} of ${plan.collections.length} old collections could not be removed`,
    {
      hint: '`kaleem-deploy recover` removes them',
      details: problems,
    },
  );
};

const report = async (work: Work, warnings: readonly string[]): Promise<Omit<RestoreReport, 'durationMs'>> => {
  const { database, backup, scope, extra } = work;
  const found = await Promise.all(
    scope.namespaces.map(async (each) => ({ ...each, ...(await readDefinition(database, each.db, each.collection)) })),
  );
  const content = combineHashes(found);
  const whole = scope.namespaces.length === backup.namespaces.length;
  const names = scope.extra.map(namespaceOf);
  return {
    ...{ documents: content.documents, bytes: content.bytes, namespaces: scope.namespaces.length },
    keptExtra: extra === 'keep' ? names : [],
    droppedExtra: extra === 'drop' ? names : [],
    contentHash: content.hash,
    warnings: [
      ...warnings,
      ...scope.warnings,
      ...(whole && content.hash !== backup.content.hash
        ? [
            'the server added defaults of its own to options or indexes; documents are byte for byte those of the backup',
          ]
        : []),
    ],
  };
};

const prepare = async (options: RestoreOptions, backup: VerifiedBackup): Promise<Work> => {
  const { database, operation, extra } = options;
  await clearLeftovers(database);
  const live = await listCollections(database, options.signal);
  const scope = scopeOf(backup, live, database.name);
  if (scope.namespaces.length === 0 && backup.namespaces.length > 0) {
    throw new DeployError('restore-failed', `${options.path} holds nothing of the database ${database.name}`, {
      hint: `it holds ${[...new Set(backup.namespaces.map(({ db }) => db))].join(', ')}`,
    });
  }
  const how = await neutralising(database, operation.id, scope.namespaces);
  return {
    ...options,
    ...{ backup, scope, live },
    stagings: stagingsOf(operation.id, scope.namespaces, how),
    plan: {
      version: 1,
      collections: [...planSwaps(operation.id, scope, live, extra === 'drop')],
      views: [...planViews(scope, live, extra === 'drop')],
    },
  };
};

/** What undo needs, and beside it what a person wants to read. */
const swapIntent = (plan: SwapPlan) => ({ plan: encodePlan(plan), collections: plan.collections.map(namespaceOf) });

/**
 * Makes the database what the backup holds: verifies the whole archive, stages it beside the live collections, reads the
 * staged copies back byte for byte, swaps by renaming, compares, and only then drops what was live. The caller holds the
 * fence and an aside copy, and has checked the disk (`restoreNeedsBytes`).
 *
 * `backup-invalid`, `unsupported` (a newer server's backup without `force`), `halted-earlier` (a restore that was cut
 * short comes first): nothing was touched. `restore-failed` says whether live collections are untouched or back; where
 * even that failed, `recoverRestore` brings them back. On abort: the same, then the signal's reason.
 */
export const restoreBackup = async (given: RestoreOptions): Promise<RestoreReport> => {
  const options = { ...given, database: given.database.marked(given.operation.id) };
  const { operation, clock, path, signal, onProgress } = options;
  const started = clock.monotonic();
  const backup = await readBackup(path, {
    signal,
    onProgress: (progress) => onProgress?.({ phase: 'verify', ...progress }),
  });
  const warnings = checkVersion(backup, options.database.server, options.force);
  const work = await prepare(options, backup);
  const staged = work.stagings.map(({ db, staged: name }) => `${db}.${name}`);
  await operation
    .effect(STEP.stage, { path, staged }, () => stage(work))
    .catch((error: unknown) => unstage(work, error));
  await operation
    .effect(STEP.swap, swapIntent(work.plan), () => swap(work))
    .catch((error: unknown) => unswap(work, error));
  await operation.effect(STEP.finish, { collections: work.plan.collections.length }, () => finish(work));
  return { ...(await report(work, warnings)), durationMs: Math.round(clock.monotonic() - started) };
};
