import type { KeepPolicy, Span } from '../config/config.ts';

export interface PruneDecision {
  readonly id: string;
  /** For a person, as in `--dry-run`. */
  readonly reason: string;
}

export interface PruneChoice {
  readonly keep: readonly PruneDecision[];
  readonly remove: readonly PruneDecision[];
}

export interface Candidate {
  readonly id: string;
  /** ISO 8601; null where nobody knows. */
  readonly createdAt: string | null;
  /**
   * `aside`: taken of what a failed version left, before it was undone; `partial`: of some collections only. Each kind is
   * counted apart: they shall not push backups of everything out.
   */
  readonly kind: 'whole' | 'aside' | 'partial';
  /** Null: a good backup. */
  readonly problem: string | null;
  readonly verified: boolean;
  /** Why somebody has pinned it; null: nobody has. */
  readonly pinned: string | null;
}

export interface Retention {
  readonly policy: KeepPolicy;
  /** Ids that a kept release or an open operation needs. */
  readonly needed: ReadonlySet<string>;
}

const two = (value: number): string => String(value).padStart(2, '0');
const dayOf = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

/** The ISO week's year and number: the week is that of its Thursday. */
const weekOf = (at: Date): string => {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 3 - ((at.getDay() + 6) % 7));
  const days = Math.round((thursday.getTime() - new Date(thursday.getFullYear(), 0, 1).getTime()) / 86_400_000);
  return `${thursday.getFullYear()}-W${two(1 + Math.floor(days / 7))}`;
};

/** Periods of the local calendar. */
const PERIODS = [
  { name: 'hourly', of: (at: Date) => `${dayOf(at)} ${two(at.getHours())}h` },
  { name: 'daily', of: dayOf },
  { name: 'weekly', of: weekOf },
  { name: 'monthly', of: (at: Date) => `${at.getFullYear()}-${two(at.getMonth() + 1)}` },
  { name: 'yearly', of: (at: Date) => String(at.getFullYear()) },
] as const;

const before = (at: Date, { years, months, days, hours }: Span): Date => {
  const start = new Date(at);
  start.setFullYear(start.getFullYear() - years, start.getMonth() - months, start.getDate() - days);
  start.setHours(start.getHours() - hours);
  return start;
};

const spanText = ({ years, months, days, hours }: Span): string =>
  `${years ? `${years}y` : ''}${months ? `${months}m` : ''}${days ? `${days}d` : ''}${hours ? `${hours}h` : ''}`;

type Reasons = Map<string, string[]>;

/** Which of these, newest first, the rules want, and why. */
const applyPolicy = (good: readonly Candidate[], policy: KeepPolicy, reasons: Reasons): void => {
  const want = (id: string, reason: string): void => void reasons.get(id)?.push(reason);
  for (const { id } of good.slice(0, policy.last)) want(id, `among the last ${policy.last}`);
  const dated = good.flatMap(({ id, createdAt }) => (createdAt === null ? [] : [{ id, at: new Date(createdAt) }]));
  for (const { name, of } of PERIODS) {
    let left = policy[name];
    let last: string | null = null;
    for (const [index, { id, at }] of dated.entries()) {
      const period = of(at);
      // The oldest stays while places are left, so that the history reaches as far back as it can.
      const oldest = index === dated.length - 1;
      if (left === 0 || (period === last && !oldest)) continue;
      want(id, period === last ? `${name}: the oldest` : `${name}: the last of ${period}`);
      last = period;
      left -= 1;
    }
  }
  const [newest] = dated;
  if (policy.within === null || newest === undefined) return;
  const start = before(newest.at, policy.within);
  for (const { id, at } of dated) if (at >= start) want(id, `within ${spanText(policy.within)} of the newest`);
};

/**
 * Which backups may go. Never: the newest good one, the newest that was verified, one that is needed or pinned, and one with a problem (it may
 * be somebody's own file, or the only copy of something). `entries` newest first, as `listBackups` gives them. The rules are
 * restic's (`restic forget`), over the good backups of each kind for itself; times are local ones.
 */
export const chooseForPrune = (entries: readonly Candidate[], { policy, needed }: Retention): PruneChoice => {
  const reasons: Reasons = new Map(entries.map(({ id }) => [id, []]));
  const good = entries.filter(({ problem }) => problem === null);
  const of = (kind: Candidate['kind']) => good.filter((each) => each.kind === kind);
  const trusted = of('whole').length > 0 ? of('whole') : good;
  const [newest] = trusted;
  for (const { id, problem, pinned } of entries) {
    if (needed.has(id)) reasons.get(id)?.push('a release or an operation needs it');
    if (pinned !== null) reasons.get(id)?.push(pinned === '' ? 'pinned' : `pinned: ${pinned}`);
    if (problem !== null) reasons.get(id)?.push(`left for you to decide: ${problem}`);
  }
  if (newest !== undefined) reasons.get(newest.id)?.push('the newest');
  const verified = trusted.find((each) => each.verified);
  if (verified !== undefined && verified !== newest) reasons.get(verified.id)?.push('the newest that was verified');
  for (const kind of ['whole', 'aside', 'partial'] as const) applyPolicy(of(kind), policy, reasons);
  const decided = entries.map(({ id }) => ({ id, why: reasons.get(id) ?? [] }));
  return {
    keep: decided.flatMap(({ id, why }) => (why.length > 0 ? [{ id, reason: why.join('; ') }] : [])),
    remove: decided.flatMap(({ id, why }) =>
      why.length === 0 ? [{ id, reason: 'no rule keeps it, and nothing needs it' }] : [],
    ),
  };
};
