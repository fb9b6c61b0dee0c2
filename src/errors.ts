/**
 * Every failure a person can meet, by name. `src/cli/exit-codes.ts` maps each to the exit code of the process.
 */
export type ErrorCode =
  // what was typed (2)
  | 'usage'
  | 'tag-invalid'
  | 'needs-confirmation'
  // a check that ran and is not ok (3)
  | 'check-failed'
  // configuration (10)
  | 'config-invalid'
  | 'config-unsafe'
  | 'compose-invalid'
  | 'env-invalid'
  | 'uri-invalid'
  | 'project-elsewhere'
  // another operation has the project (11)
  | 'locked'
  | 'done-before'
  // refused before anything was touched (12)
  | 'docker-unreachable'
  | 'docker-failed'
  | 'image-not-found'
  | 'registry-denied'
  | 'registry-unreachable'
  | 'pull-failed'
  | 'disk-full'
  | 'disk-failed'
  | 'database-unreachable'
  | 'database-changed-identity'
  | 'wrong-architecture'
  | 'release-not-found'
  | 'image-not-held'
  | 'gate-failed-before'
  | 'hook-failed-before'
  | 'not-found'
  | 'unsupported'
  | 'identity-missing'
  | 'setup-failed'
  | 'interrupted-before'
  // failed and rolled back (20), halted (21), halted earlier (22)
  | 'rolled-back'
  | 'halted'
  | 'halted-earlier'
  // backups (30, 31)
  | 'backup-failed'
  | 'backup-invalid'
  | 'restore-failed'
  // remote (40)
  | 'remote-unreachable'
  | 'copy-failed'
  | 'gate-refused'
  // Ctrl-C, rolled back (130)
  | 'interrupted'
  // the process of an operation died while it was followed (1)
  | 'runner-died'
  // a broken promise of ours (1)
  | 'bug';

export interface DeployErrorOptions {
  /** The next command to type, or the next thing to look at. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** What a person needs beside the message: a gate's last answer, a container's last lines. */
  readonly details?: readonly string[];
}

/** An error as data: `code` for machines, `message` for what happened (with the values), `hint` for what to do next. */
export class DeployError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, options: DeployErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DeployError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];
/** The device does not do what it is asked; a file system that met that is often remounted read-only. */
const FAILED = ['EIO', 'EROFS'];

/** What a disk that is full or broken did, as an error of its own; null for any other failure. */
export const diskError = (message: string, cause: unknown): DeployError | null => {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  if (FULL.includes(code)) return new DeployError('disk-full', message, { hint: 'df -h', cause });
  if (!FAILED.includes(code)) return null;
  return new DeployError('disk-failed', message, {
    hint: 'look at the disk: dmesg | tail; findmnt --options ro',
    cause,
  });
};

/** A file that somebody else made, or may use, as an error of its own; null for any other failure. */
const permissionError = (cause: unknown): DeployError | null => {
  const { code, path } = (cause ?? {}) as NodeJS.ErrnoException;
  if ((code !== 'EACCES' && code !== 'EPERM') || path === undefined) return null;
  return new DeployError('config-unsafe', `this user has no permission: ${messageOf(cause)}`, {
    hint: `ls -l ${path}; run this as its owner or as root, or give it away with chown`,
    cause,
  });
};

/** Anything thrown as a DeployError: what nobody expected is a `bug`. */
export const toDeployError = (thrown: unknown): DeployError =>
  thrown instanceof DeployError
    ? thrown
    : (diskError(messageOf(thrown), thrown) ??
      permissionError(thrown) ??
      new DeployError('bug', messageOf(thrown), { cause: thrown }));

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
