import { sideBySide } from '../system/side-by-side.ts';
import { afterCommit } from './after-commit.ts';
import { raiseFence, stopEdge, stopWriters } from './close.ts';
import { commit } from './commit.ts';
import { liftAfterCommit } from './lift.ts';
import { inOperation, type Session } from './operate.ts';
import { planDeploy } from './plan-deploy.ts';
import { planRollback } from './plan-rollback.ts';
import { type Planner, type Prepared, prepare } from './prepare.ts';
import { pullImages } from './pull.ts';
import type { DeployRequest, RollbackRequest } from './requests.ts';
import { restoreChosenBackup } from './restore-backup.ts';
import { deployResult } from './result.ts';
import type { DeployResult } from './results.ts';
import { type Run, startRun } from './run.ts';
import { secureDatabase } from './secure-database.ts';
import { switchToNew } from './switch-to-new.ts';
import { undo } from './undo.ts';
import { verify } from './verify.ts';
import { prepareSnapshot } from './volume/prepare.ts';

/** The runbook, from the fence to the open door: the planned release live and healthy, or everything as it was. */
export const carryOut = async (run: Run): Promise<void> => {
  await pullImages(run);
  await prepareSnapshot(run);
  try {
    await raiseFence(run);
    await stopWriters(run);
    await sideBySide([stopEdge(run), secureDatabase(run)]);
    await restoreChosenBackup(run);
    await switchToNew(run);
    await verify(run);
    await commit(run);
  } catch (error) {
    throw await undo(run, error);
  }
  await liftAfterCommit(run);
  await afterCommit(run);
};

const changeRelease = (
  session: Session,
  { kind, asked }: { readonly kind: 'deploy' | 'rollback'; readonly asked: string },
  planner: Planner,
): Promise<DeployResult> =>
  inOperation(
    session,
    {
      ...{ kind, asked },
      subject: ({ plan }: Prepared) => plan.tag,
      previous: ({ plan }) => plan.old?.release.tag ?? null,
    },
    {
      prepare: (context, state) => prepare(context, state, planner),
      run: async (context, scope, prepared) => {
        const run = await startRun(context, scope, prepared);
        await carryOut(run);
        return deployResult(run, kind);
      },
    },
  );

/**
 * Leaves the tag live and healthy, or everything as it was. Rejects with a DeployError whose code says which:
 * refused before anything was touched, `rolled-back`, `interrupted`, or `halted`.
 */
export const deploy = (session: Session, request: DeployRequest): Promise<DeployResult> =>
  changeRelease(session, { kind: 'deploy', asked: request.tag }, (context, old) => planDeploy(context, request, old));

/** The same for a release that is kept: by its own snapshot and, on request, with its data. */
export const rollback = (session: Session, request: RollbackRequest): Promise<DeployResult> =>
  changeRelease(session, { kind: 'rollback', asked: request.tag ?? '' }, async (context, old, releases) =>
    planRollback(context, releases, request, await old),
  );
