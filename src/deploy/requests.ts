import type { NamespaceFilter } from '../backup/namespace-filter.ts';

/** What a person asks for, one shape for each operation. */
export interface DeployRequest {
  readonly tag: string;
  /** Tags of single variables (`--image VAR=tag`), before `tag`. */
  readonly images: Readonly<Record<string, string>>;
  /** Services whose image is pulled and replaced although no release sets it. */
  readonly upgrade: readonly string[];
  /** Restart, in order, the services whose definition did not change too. */
  readonly restartAll: boolean;
}

export interface RollbackRequest {
  /** Null: the last known-good release. */
  readonly tag: string | null;
  readonly withDatabase: boolean;
}

export interface RestoreRequest {
  /** The id of a backup, or the path of an archive. */
  readonly backup: string;
  /** Drop collections that did not exist when the backup was taken. Else they are kept. */
  readonly dropExtra: boolean;
  /** The place to bring it from first; null: it is on this host. */
  readonly from: string | null;
  /** Restore although the backup is of another database or server version. */
  readonly force: boolean;
  /** File with an identity that may decrypt it; null: those of the configuration alone. */
  readonly identity: string | null;
  /** Null: all of it. */
  readonly filter: NamespaceFilter | null;
}

export interface BackupRequest {
  /** Null: everything. */
  readonly filter: NamespaceFilter | null;
}

export interface RecoverRequest {
  /** Keep what runs now, as it is. */
  readonly accept: boolean;
}

export interface DrillRequest {
  /** The id of a backup, or the path of an archive; null: the newest backup. */
  readonly backup: string | null;
  /** As in {@link RestoreRequest}. */
  readonly identity: string | null;
}

export interface PinRequest {
  /** The id of a backup. */
  readonly backup: string;
  /** False: it is pruned again as any other. */
  readonly pinned: boolean;
  /** For whoever wonders later; may be empty. */
  readonly reason: string;
}

export interface PushRequest {
  /** `wanted`: those that a place lacks and its own rules would keep. */
  readonly which: 'wanted' | 'all' | { readonly id: string };
  /** Null: every place. */
  readonly place: string | null;
}

export interface PullRequest {
  /** The id of a backup, or its number. */
  readonly backup: string;
  /** The place. */
  readonly from: string;
}

/** Which backups `backup verify` reads: one, the newest, or every one. */
export type VerifyRequest = {
  /** As in {@link RestoreRequest}. */
  readonly identity: string | null;
} & ({ readonly which: 'one'; readonly backup: string } | { readonly which: 'newest' | 'all' });

export type MaintenanceMode = 'on' | 'off';

/** Everything that changes something, as `plan` takes it. */
export type OperationRequest =
  | { readonly kind: 'deploy'; readonly request: DeployRequest }
  | { readonly kind: 'rollback'; readonly request: RollbackRequest }
  | { readonly kind: 'restore'; readonly request: RestoreRequest }
  | { readonly kind: 'backup'; readonly request: BackupRequest }
  | { readonly kind: 'recover'; readonly accept: boolean }
  | { readonly kind: 'maintenance'; readonly mode: MaintenanceMode }
  | { readonly kind: 'prune'; readonly what: 'all' | 'backups' }
  | { readonly kind: 'drill'; readonly request: DrillRequest }
  | { readonly kind: 'pin'; readonly request: PinRequest }
  | { readonly kind: 'push'; readonly request: PushRequest }
  | { readonly kind: 'pull'; readonly request: PullRequest };
