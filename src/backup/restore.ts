import { DeployError } from '../errors.ts';
import { findLeftovers, listCollections } from './collections.ts';
import type { Database } from './connection.ts';
import { combineHashes } from './content-hash.ts';
import { temporaryName } from './names.ts';
import { namespaceOf } from './namespace.ts';
import { readDefinition } from './restore/check-taken.ts';
import { checkVersion } from './restore/check-version.ts';
import { type Neutralising, neutral } from './restore/expiry.ts';
import { dropLeftovers } from './restore/leftovers.ts';
import { chooseNeutralising } from './restore/neutralising.ts';
import { encodePlan, planSwaps, type SwapPlan, scopeOf } from './restore/plan.ts';
import { STEP } from './restore/recover.ts';
import type { Staging } from './restore/stage.ts';
import { stage, swap } from './restore/steps.ts';
import { finish, unstage, unswap } from './restore/undo.ts';
import { planViews } from './restore/views.ts';
import { isCollection, type RestoreOptions, type Work } from './restore/work.ts';
import { readBackup, type VerifiedBackup, type VerifiedNamespace } from './verify.ts';

export { recoverRestore } from './restore/recover.ts';
export type { RestoreProgress } from './restore/stage.ts';
export type { RestoreOptions } from './restore/work.ts';

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
  const scope = scopeOf(backup, live, { only: database.name, filter: options.filter ?? null });
  if (scope.namespaces.length === 0 && backup.namespaces.length > 0) {
    throw new DeployError('restore-failed', `${options.path} holds nothing of the database ${database.name}`, {
      hint: `it holds ${[...new Set(backup.namespaces.map(({ db }) => db))].join(', ')}`,
    });
  }
  const how = await chooseNeutralising(database, operation.id, scope.namespaces);
  return {
    ...options,
    ...{ backup, scope },
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
 * `backup-invalid`, `identity-missing`, `unsupported` (a newer server's backup without `force`), `halted-earlier` (a restore that was cut
 * short comes first): nothing was touched. `restore-failed` says whether live collections are untouched or back; where
 * even that failed, `recoverRestore` brings them back. On abort: the same, then the signal's reason.
 */
export const restoreBackup = async (given: RestoreOptions): Promise<RestoreReport> => {
  const options = { ...given, database: given.database.marked(given.operation.id) };
  const { operation, clock, path, signal, onProgress } = options;
  const started = clock.monotonic();
  const backup = await readBackup(path, {
    ...{ signal, identityFiles: options.identityFiles },
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
