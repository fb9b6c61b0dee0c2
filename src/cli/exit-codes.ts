import type { ErrorCode } from '../errors.ts';

/** Exit codes by error: the one place that maps them. */
export const exitCodes = {
  bug: 1,
  'runner-died': 1,

  usage: 2,
  'tag-invalid': 2,
  'needs-confirmation': 2,

  'check-failed': 3,

  'config-invalid': 10,
  'config-unsafe': 10,
  'compose-invalid': 10,
  'env-invalid': 10,
  'uri-invalid': 10,
  'project-elsewhere': 10,

  locked: 11,
  'done-before': 11,

  'docker-unreachable': 12,
  'docker-failed': 12,
  'image-not-found': 12,
  'registry-denied': 12,
  'registry-unreachable': 12,
  'pull-failed': 12,
  'disk-full': 12,
  'disk-failed': 12,
  'database-unreachable': 12,
  'database-changed-identity': 12,
  'wrong-architecture': 12,
  'release-not-found': 12,
  'image-not-held': 12,
  'gate-failed-before': 12,
  'hook-failed-before': 12,
  'not-found': 12,
  unsupported: 12,
  'identity-missing': 12,
  // Nothing live is touched by it; what was done so far stays.
  'setup-failed': 12,

  'rolled-back': 20,
  // The live database is as it was: a restore works beside it and swaps at the end, or halts.
  'restore-failed': 20,
  halted: 21,
  'halted-earlier': 22,

  'backup-failed': 30,
  'backup-invalid': 31,

  'remote-unreachable': 40,
  // Of a backup that is good and kept: what failed is what is elsewhere.
  'copy-failed': 40,
  'gate-refused': 40,

  interrupted: 130,
  'interrupted-before': 130,
} as const satisfies Record<ErrorCode, number>;

/** What each exit code means, for `--help` and the documentation. */
export const exitCodeMeanings: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'ok'],
  [1, 'a bug in kaleem-deploy, or its runner was killed: recover'],
  [2, 'the command line is wrong, or a confirmation is missing'],
  [3, 'a check is not ok (health, doctor)'],
  [10, 'the configuration is wrong'],
  [11, 'another operation has the project'],
  [12, 'refused before anything was touched'],
  [20, 'failed, and rolled back: everything is as it was'],
  [21, 'the rollback failed: halted, both copies kept'],
  [22, 'halted earlier: recover first'],
  [30, 'the backup failed (in a deploy: the old release runs again)'],
  [31, 'a backup did not verify'],
  [40, 'a place for copies, the host of --host, or its gate, was unreachable or refused'],
  [130, 'interrupted, and rolled back (or no longer following)'],
];
