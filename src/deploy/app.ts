import type { OperationRecord } from '../operation/operations.ts';
import type { Release } from '../operation/releases.ts';
import type { AppOptions } from './app-options.ts';
import type { LogsRequest } from './logs.ts';
import type { NotifyTestReport } from './notify-test.ts';
import type { Session } from './operate.ts';
import type {
  BackupRequest,
  DeployRequest,
  DrillRequest,
  MaintenanceMode,
  OperationRequest,
  PinRequest,
  PullRequest,
  PushRequest,
  RecoverRequest,
  RestoreRequest,
  RollbackRequest,
  VerifyRequest,
} from './requests.ts';
import type {
  BackupDetail,
  BackupSummary,
  DeployResult,
  DoctorReport,
  DrillResult,
  HealthReport,
  ImageStatus,
  LockStatus,
  MaintenanceResult,
  PinResult,
  Plan,
  PruneResult,
  PullResult,
  PushResult,
  RecoverResult,
  RestoreResult,
  StatusReport,
  VerifyReport,
} from './results.ts';
import type { WatchReport } from './watch/watch.ts';

export type { AppOptions } from './app-options.ts';
export type { LogLine, LogsRequest } from './logs.ts';
export type * from './requests.ts';

/**
 * The tool, without its command line. Every method rejects with a DeployError. The read-only ones (status, history,
 * releases, images, health, doctor, logs, lockStatus, plan, backupList, backupShow, backupVerify, notifyTest) create nothing but what they say.
 */
export interface App {
  plan(operation: OperationRequest): Promise<Plan>;
  deploy(request: DeployRequest): Promise<DeployResult>;
  rollback(request: RollbackRequest): Promise<DeployResult>;
  recover(request: RecoverRequest): Promise<RecoverResult>;
  status(): Promise<StatusReport>;
  /** Newest first. */
  history(): Promise<readonly OperationRecord[]>;
  /** Newest first. */
  releases(): Promise<readonly Release[]>;
  images(): Promise<readonly ImageStatus[]>;
  /** Runs every gate once. A gate that fails is a result, not an error. */
  health(): Promise<HealthReport>;
  /** Looks whether all is well, and tells when that changes. What is not well is a result, not an error. */
  watch(): Promise<WatchReport>;
  /** Never rejects for what it finds: an unreachable Docker is a failed check. */
  doctor(): Promise<DoctorReport>;
  /** Sends a test message to one notifier, or to each. One that does not arrive is a result, not an error. */
  notifyTest(name: string | null): Promise<NotifyTestReport>;
  /** Ends after the last line, or, with `follow`, when the signal is aborted. */
  logs(request: LogsRequest): Promise<void>;
  maintenance(mode: MaintenanceMode): Promise<MaintenanceResult>;
  prune(): Promise<PruneResult>;
  lockStatus(): Promise<LockStatus>;
  backupCreate(request: BackupRequest): Promise<BackupDetail>;
  /** Newest first. */
  backupList(): Promise<readonly BackupSummary[]>;
  /** What lies at a place for copies, newest first. */
  backupCopies(place: string): Promise<readonly BackupSummary[]>;
  backupPush(request: PushRequest): Promise<PushResult>;
  backupPull(request: PullRequest): Promise<PullResult>;
  backupShow(id: string): Promise<BackupDetail>;
  /** Leaves a note beside the backup of what was found, where it may write there. A bad one is a result, but for `which: 'one'`. */
  backupVerify(request: VerifyRequest): Promise<VerifyReport>;
  backupPin(request: PinRequest): Promise<PinResult>;
  backupDrill(request: DrillRequest): Promise<DrillResult>;
  backupRestore(request: RestoreRequest): Promise<RestoreResult>;
  backupPrune(): Promise<PruneResult>;
  /** Closes connections and the log. Safe to call twice. */
  close(): Promise<void>;
}

const history = async ({ options }: Session): Promise<readonly OperationRecord[]> => {
  const [{ findState }, { listOperations }] = await Promise.all([
    import('../operation/state.ts'),
    import('../operation/operations.ts'),
  ]);
  const state = await findState(options.config.stateDirectory);
  return state === null ? [] : listOperations(state);
};

const releases = async ({ options }: Session): Promise<readonly Release[]> =>
  (await import('../operation/releases.ts')).listReleases(options.config.stateDirectory);

/**
 * Checks nothing and connects to nothing: each method works out what it needs, so that `doctor` can say what is wrong.
 * What a method stands on is loaded when it is called, so that `status` does not wait for the restore engine.
 */
export const openApp = async (options: AppOptions): Promise<App> => {
  const session = (await import('./session.ts')).openSession(options);
  return {
    plan: async (asked) => (await import('./preview.ts')).preview(session, asked),
    deploy: async (request) => {
      // The engine is asked while the modules load. An error comes again when the deploy itself asks.
      session.context().catch(() => {});
      return (await import('./deploy.ts')).deploy(session, request);
    },
    rollback: async (request) => (await import('./deploy.ts')).rollback(session, request),
    recover: async (request) => (await import('./recover.ts')).recover(session, request),
    status: async () => (await import('./status.ts')).status(session),
    history: () => history(session),
    releases: () => releases(session),
    images: async () => (await import('./status.ts')).images(session),
    health: async () => (await import('./status.ts')).health(session),
    watch: async () => (await import('./watch/watch.ts')).watch(session),
    doctor: async () => (await import('./doctor.ts')).doctor(session),
    notifyTest: async (name) => (await import('./notify-test.ts')).notifyTest(session, name),
    logs: async (request) => (await import('./logs.ts')).logs(session, request),
    maintenance: async (mode) => (await import('./maintenance.ts')).maintenance(session, mode),
    prune: async () => (await import('./prune.ts')).prune(session, 'all'),
    lockStatus: async () => (await import('./status.ts')).lockStatus(await session.context()),
    backupCreate: async (request) => (await import('./backups.ts')).createBackupNow(session, request),
    backupList: async () => (await import('./backups.ts')).backupList(session),
    backupCopies: async (place) => (await import('./backups.ts')).backupCopies(session, place),
    backupPush: async (request) => (await import('./push.ts')).push(session, request),
    backupPull: async (request) => (await import('./pull-copy.ts')).pullCopy(session, request),
    backupShow: async (id) => (await import('./backups.ts')).backupShow(session, id),
    backupVerify: async (request) => (await import('./backups.ts')).backupVerify(session, request),
    backupDrill: async (request) => (await import('./drill.ts')).drill(session, request),
    backupPin: async (request) => (await import('./backups.ts')).backupPin(session, request),
    backupRestore: async (request) => (await import('./restore.ts')).restore(session, request),
    backupPrune: async () => (await import('./prune.ts')).prune(session, 'backups'),
    close: async () => {},
  };
};
