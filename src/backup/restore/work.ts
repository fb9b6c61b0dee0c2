import type { Operation } from '../../operation/operations.ts';
import type { Clock } from '../../system/clock.ts';
import type { Database } from '../connection.ts';
import type { NamespaceFilter } from '../namespace-filter.ts';
import type { VerifiedBackup, VerifiedNamespace } from '../verify.ts';
import { isTtl } from './expiry.ts';
import type { RestoreScope, SwapPlan } from './plan.ts';
import type { RestoreProgress, Staging } from './stage.ts';

export interface RestoreOptions {
  readonly database: Database;
  /** Of the archive. */
  readonly path: string;
  /** Files with the identities that may decrypt it, tried in turn. */
  readonly identityFiles?: readonly string[];
  /** The restore's steps are journaled through it, and its id is in temporary names. */
  readonly operation: Pick<Operation, 'id' | 'effect' | 'note'>;
  /** What of the backup is restored; null or not there: all of it. */
  readonly filter?: NamespaceFilter | null;
  /** What to do with collections that did not exist at backup time. */
  readonly extra: 'drop' | 'keep';
  /** Restore although the backup is of a newer server. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

/** A restore whose archive is verified and whose steps are known. */
export interface Work extends RestoreOptions {
  readonly backup: VerifiedBackup;
  readonly scope: RestoreScope;
  readonly stagings: readonly Staging[];
  readonly plan: SwapPlan;
}

export const isCollection = ({ type }: { readonly type: string }): boolean => type !== 'view';

export const hasExpiry = ({ options, indexes }: VerifiedNamespace): boolean =>
  options.has('expireAfterSeconds') || indexes.some(isTtl);
