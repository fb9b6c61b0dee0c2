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
  // refused before anything was touched (12)
  | 'docker-unreachable'
  | 'docker-failed'
  | 'image-not-found'
  | 'registry-denied'
  | 'registry-unreachable'
  | 'pull-failed'
  | 'disk-full'
  | 'database-unreachable'
  | 'database-changed-identity'
  | 'wrong-architecture'
  | 'release-not-found'
  | 'image-not-held'
  | 'gate-failed-before'
  | 'hook-failed-before'
  | 'not-found'
  | 'unsupported'
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

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
