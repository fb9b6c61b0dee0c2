export interface PruneDecision {
  readonly id: string;
  /** For a person, as in `--dry-run`. */
  readonly reason: string;
}

export interface PruneChoice {
  readonly keep: readonly PruneDecision[];
  readonly remove: readonly PruneDecision[];
}

interface Candidate {
  readonly id: string;
  /** Null: a good backup. */
  readonly problem: string | null;
}

export interface Retention {
  /** How many of the newest good backups stay. */
  readonly keepLast: number;
  /** Ids that a kept release or an open operation needs. */
  readonly needed: ReadonlySet<string>;
}

/**
 * Which backups may go. Never: the newest good one, one that is needed, and one with a problem (it may be somebody's own file,
 * or the only copy of something). `entries` newest first, as `listBackups` gives them.
 */
export const chooseForPrune = (entries: readonly Candidate[], { keepLast, needed }: Retention): PruneChoice => {
  const keep: PruneDecision[] = [];
  const remove: PruneDecision[] = [];
  let good = 0;
  for (const { id, problem } of entries) {
    const rank = problem === null ? ++good : null;
    if (needed.has(id)) keep.push({ id, reason: 'a release or an operation needs it' });
    else if (rank === null) keep.push({ id, reason: `left for you to decide: ${problem}` });
    else if (rank === 1) keep.push({ id, reason: 'the newest' });
    else if (rank <= keepLast) keep.push({ id, reason: `among the last ${keepLast}` });
    else remove.push({ id, reason: `older than the last ${Math.max(1, keepLast)}, and nothing needs it` });
  }
  return { keep, remove };
};
