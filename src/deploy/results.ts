import type { NamespaceFilter } from '../backup/namespace-filter.ts';
import type { GateReport } from '../health/poll.ts';
import type { LockStatus } from '../operation/lock.ts';
import type { OperationKind, OperationRecord, Outcome } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import type { LiveStep } from '../operation/runner/protocol.ts';

// What the methods of App come back with: plain data, and what `--json` prints, so names stay once released.
// Durations are milliseconds, times ISO 8601, sizes bytes.

export type { LockStatus } from '../operation/lock.ts';

export interface ImageChange {
  readonly variable: string;
  /** Reference with tag; null on the first deploy. */
  readonly from: string | null;
  readonly to: string;
  readonly digest: string | null;
}

/** What an operation will do. Nothing has been touched and no lock is held: `--dry-run`, and the question before a destructive verb. */
export interface Plan {
  readonly kind: OperationKind | 'recover';
  /** The tag, the backup, `on`/`off`. */
  readonly subject: string;
  /** In order, a line each, for a person: "stop api, frontend (writers)". */
  readonly steps: readonly string[];
  readonly images: readonly ImageChange[];
  readonly recreated: readonly string[];
  readonly untouched: readonly string[];
  /** From how long the last ones took. Null: not known yet. */
  readonly expectedDowntimeMs: number | null;
  /** What is lost or replaced, a line each; empty when nothing is. The question a person answers names these. */
  readonly destroys: readonly string[];
  readonly warnings: readonly string[];
}

/** `untouched`: not even read. `backed-up`: a verified backup was taken. `restored`: it holds a backup's content now. */
export type DatabaseOutcome = 'untouched' | 'backed-up' | 'restored';

export interface StepReport {
  readonly title: string;
  readonly elapsedMs: number;
  readonly summary: string | null;
}

export interface DeployResult {
  readonly operation: string;
  readonly kind: 'deploy' | 'rollback';
  /** The release that is live now. */
  readonly release: number;
  readonly tag: string;
  /** The tag that was live before. */
  readonly previous: string | null;
  readonly images: readonly ImageChange[];
  /** From raising the fence to lifting it. Null when nothing was fenced. */
  readonly downtimeMs: number | null;
  readonly elapsedMs: number;
  /** Id of the backup taken (an aside copy, in a rollback with database). */
  readonly backup: string | null;
  /** What an undo would have gone back to: a backup, or a snapshot of the database's volume. Null: the database was not touched. */
  readonly securedBy: 'archive' | 'volume' | null;
  readonly database: DatabaseOutcome;
  readonly gates: readonly GateReport[];
  readonly steps: readonly StepReport[];
  /** Each was told through `progress.warn` too, when it arose. */
  readonly warnings: readonly string[];
}

export interface ServiceStatus {
  readonly service: string;
  readonly container: string | null;
  /** As the engine says it; `absent` where there is no container. */
  readonly state: string;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | null;
  /** Reference the container was created from. */
  readonly image: string | null;
  readonly imageId: string | null;
  readonly startedAt: string | null;
  readonly restartCount: number;
  /** False: not the image that the live release holds for it. */
  readonly asReleased: boolean;
}

export interface FenceStatus {
  readonly operation: string;
  readonly since: string;
}

/** The operation that runs now. Steps that run side by side are in the order they began in. */
export interface RunningOperation {
  /** Id; empty as long as none has begun. */
  readonly operation: string;
  readonly kind: string;
  readonly elapsedMs: number;
  /** Asked to abort: it goes back. */
  readonly aborting: boolean;
  readonly steps: readonly LiveStep[];
}

export interface StatusReport {
  readonly project: string;
  readonly app: string | null;
  readonly destination: string | null;
  /** Null: nothing was ever deployed by this tool. */
  readonly live: Release | null;
  readonly services: readonly ServiceStatus[];
  /** Null: outside requests get through. */
  readonly fence: FenceStatus | null;
  readonly lock: LockStatus;
  /** Null: nothing runs, or it runs as another user (then `lock` says so). */
  readonly running: RunningOperation | null;
  readonly lastOperation: OperationRecord | null;
  /** The last time that a backup was restored to see whether it can be; its outcome says. */
  readonly lastDrill: OperationRecord | null;
  /** As of the last pushes: the places are not asked. */
  readonly copies: readonly CopyStatus[];
  /** An operation that died or halted: the next one recovers it, or refuses. */
  readonly unfinished: OperationRecord | null;
  readonly warnings: readonly string[];
}

export interface ImageStatus {
  readonly release: number;
  readonly tag: string;
  readonly live: boolean;
  readonly variable: string;
  readonly reference: string;
  readonly digest: string | null;
  readonly imageId: string;
  /** Whether it is on this host, ready for a rollback. */
  readonly present: boolean;
  readonly sizeBytes: number | null;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly gates: readonly GateReport[];
}

export interface DoctorCheck {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly hint: string | null;
}

export interface DoctorReport {
  /** False when a check failed; warnings leave it true. */
  readonly ok: boolean;
  readonly checks: readonly DoctorCheck[];
}

export interface MaintenanceResult {
  readonly operation: string | null;
  readonly fence: 'raised' | 'lifted';
  /** False: it already was. */
  readonly changed: boolean;
  /** Each was told through `progress.warn` too, when it arose. */
  readonly warnings: readonly string[];
}

export interface Removed {
  readonly name: string;
  readonly bytes: number | null;
  readonly reason: string;
}

export interface PruneResult {
  readonly operation: string;
  readonly releases: readonly Removed[];
  readonly images: readonly Removed[];
  readonly backups: readonly Removed[];
  /** Of the database's volume. */
  readonly snapshots: readonly Removed[];
  /** At places for copies. */
  readonly copies: readonly Removed[];
  /** On this host. */
  readonly freedBytes: number;
}

export interface BackupSummary {
  readonly id: string;
  /** Absolute path of the archive. */
  readonly path: string;
  /** The release that was live. */
  readonly tag: string | null;
  readonly createdAt: string | null;
  readonly bytes: number;
  readonly documents: number | null;
  readonly consistency: 'fenced' | 'snapshot' | 'not-point-in-time' | null;
  /** What was asked for, where it was not everything. */
  readonly partial: NamespaceFilter | null;
  readonly durationMs: number | null;
  /** Releases that need it for a rollback with database: prune keeps it. */
  readonly neededBy: readonly number[];
  /** Why it can't be used, when it can't. */
  readonly problem: string | null;
  /** When it was last read from end to end, by `backup verify` or after it was made. */
  readonly verifiedAt: string | null;
  /** Why prune shall keep it, may be empty; null: it is not pinned. */
  readonly pinned: string | null;
  /** With age: as far as its name tells. */
  readonly encrypted: boolean;
}

export interface BackupNamespace {
  readonly db: string;
  readonly collection: string;
  readonly type: string;
  readonly documents: number;
  readonly bytes: number;
  readonly indexes: readonly string[];
}

export interface BackupDetail extends BackupSummary {
  readonly sha256: string | null;
  readonly contentHash: string | null;
  readonly serverVersion: string | null;
  readonly operation: string | null;
  readonly namespaces: readonly BackupNamespace[];
}

export interface DrillResult {
  readonly operation: string;
  readonly backup: string;
  readonly documents: number;
  /** Of documents. */
  readonly bytes: number;
  readonly namespaces: number;
  readonly elapsedMs: number;
  /** Each was told through `progress.warn` too, when it arose. */
  readonly warnings: readonly string[];
}

export interface PinResult {
  readonly operation: string;
  readonly backup: string;
  readonly pinned: boolean;
  /** False: it already was. */
  readonly changed: boolean;
}

export interface PushedTo {
  readonly place: string;
  readonly url: string;
  /** Newest first; empty: it had them already. */
  readonly pushed: readonly { readonly id: string; readonly bytes: number }[];
  readonly elapsedMs: number;
}

export interface PushResult {
  readonly operation: string;
  readonly places: readonly PushedTo[];
}

export interface PullResult {
  readonly operation: string;
  readonly backup: string;
  readonly place: string;
  readonly bytes: number;
  /** False: it was here already. */
  readonly changed: boolean;
  readonly elapsedMs: number;
}

/** What the last push to a place came to. */
export interface CopyStatus {
  readonly place: string;
  readonly url: string;
  /** Null: never, as far as this host knows. */
  readonly pushedAt: string | null;
  /** The newest good backup there by then. */
  readonly newest: string | null;
  /** Good backups here that are newer. */
  readonly behind: number;
  /** Why that push failed; null: it did not. */
  readonly problem: string | null;
}

export interface UnverifiedBackup {
  readonly id: string;
  readonly path: string;
  readonly problem: string;
}

/** Each newest first. */
export interface VerifyReport {
  readonly good: readonly VerifyResult[];
  readonly bad: readonly UnverifiedBackup[];
  /** Encrypted, and no identity at hand can decrypt them; the file is what its manifest says, if it has one. */
  readonly locked: readonly UnverifiedBackup[];
}

export interface VerifyResult {
  readonly id: string | null;
  readonly path: string;
  readonly bytes: number;
  readonly documents: number;
  readonly namespaces: number;
  readonly elapsedMs: number;
  /** False for an archive without a manifest of ours: checked as far as its own checksums go. */
  readonly complete: boolean;
}

export interface RestoreResult {
  readonly operation: string;
  readonly backup: string;
  /** Id of the backup of what was there before. */
  readonly aside: string | null;
  readonly documents: number;
  readonly namespaces: number;
  /** Collections that the backup doesn't know, and what became of them. */
  readonly extra: { readonly kept: readonly string[]; readonly dropped: readonly string[] };
  readonly downtimeMs: number | null;
  readonly elapsedMs: number;
  /** Each was told through `progress.warn` too, when it arose. */
  readonly warnings: readonly string[];
}

/** An operation that had died or halted, and how it ended after all. */
export interface Recovered {
  readonly operation: string;
  readonly kind: OperationKind;
  readonly subject: string;
  readonly outcome: Outcome;
  /** For a person: "v0.0.2 is live again (database restored)". */
  readonly summary: string;
}

export interface RecoverResult {
  /** Oldest first; empty: there was nothing to recover. */
  readonly recovered: readonly Recovered[];
  /** Operations that a person has declared to be over as they are (`recover --accept`). */
  readonly accepted: readonly string[];
}
