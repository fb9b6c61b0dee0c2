import type { Job } from '../config/notifier.ts';

/** One thing after the other happens in a lane: what works waits for what works, and watching waits for nobody. */
export type Lane = 'work' | 'watch';

export interface JobPlan {
  readonly lane: Lane;
  /** What is typed for it. */
  readonly argv: readonly string[];
  /** Milliseconds until it has hung. */
  readonly timeoutMs: number;
  /** Of operations: how the history calls it. */
  readonly kind: string | null;
}

const HOUR_MS = 3_600_000;
/** A deploy or a long backup may be under way. */
const WAIT = ['--lock-wait', '3600'];

/** In the order in which they have their turn where several are due. */
export const JOB_PLANS = {
  backup: { lane: 'work', argv: ['backup', 'create', ...WAIT], timeoutMs: 24 * HOUR_MS, kind: 'backup' },
  verify: { lane: 'work', argv: ['backup', 'verify', '--all'], timeoutMs: 24 * HOUR_MS, kind: null },
  drill: { lane: 'work', argv: ['backup', 'drill', ...WAIT], timeoutMs: 24 * HOUR_MS, kind: 'drill' },
  prune: { lane: 'work', argv: ['prune', '--yes', ...WAIT], timeoutMs: 6 * HOUR_MS, kind: 'prune' },
  watch: { lane: 'watch', argv: ['watch'], timeoutMs: HOUR_MS / 6, kind: null },
} as const satisfies Record<Job, JobPlan>;

export const RECOVER = { argv: ['recover', ...WAIT], timeoutMs: 24 * HOUR_MS } as const;
export const HISTORY = { argv: ['history', '-n', '100'], timeoutMs: 60_000 } as const;
