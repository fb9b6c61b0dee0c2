import { listBackups } from '../backup/catalogue.ts';
import { openReleases, type ReleaseStore } from '../operation/releases.ts';
import type { StateDirectory } from '../operation/state.ts';
import type { Context } from './context.ts';
import { findOldGood, type OldGood } from './old-good.ts';
import type { DeployPlan } from './plan.ts';
import { type DatabaseFacts, preflight } from './preflight.ts';
import { projectContainers } from './writers.ts';

export interface Prepared {
  readonly plan: DeployPlan;
  /** Null: no database, or it does not run yet. */
  readonly database: DatabaseFacts | null;
}

/** `old` is still being looked for, so that a planner may do something else meanwhile. */
export type Planner = (
  context: Context,
  old: Promise<OldGood | null>,
  releases: ReleaseStore | null,
) => Promise<DeployPlan>;

/** Bytes of the newest archive; null: none yet. */
const lastBackupBytes = async (context: Context): Promise<number | null> => {
  const [newest] = await listBackups(context.config.backup.directory);
  return newest?.manifest?.bytes ?? null;
};

const inWords = ({ old, tag, changed, restore }: DeployPlan): string => {
  const from = old === null ? `first deploy of ${tag}` : `${old.release.tag} -> ${tag}`;
  if (restore !== null) return `${from}, restores backup ${restore.name}`;
  return changed.size === 0 ? `${from}, nothing changes` : `${from}, replaces ${[...changed].join(', ')}`;
};

/** Plan and preflight: everything that can be known before anything is touched. Reads only. */
export const prepare = async (context: Context, state: StateDirectory | null, makePlan: Planner): Promise<Prepared> => {
  const { progress } = context;
  const releases = state === null ? null : openReleases(state);
  const plan = await progress.step('plan', async (step) => {
    const found = await makePlan(context, findOldGood(context, releases), releases);
    step.summary(inWords(found));
    return found;
  });
  for (const warning of plan.warnings) progress.warn(warning);
  const database = await progress.step('preflight', async () => {
    const containers = await projectContainers(context);
    return preflight(context, plan, state, containers, await lastBackupBytes(context));
  });
  return { plan, database };
};
