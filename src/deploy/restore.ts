import { checkedIdentityFiles } from './backup-keys.ts';
import { carryOut } from './deploy.ts';
import { inOperation, type Session } from './operate.ts';
import { planRestore } from './plan-rollback.ts';
import { prepare } from './prepare.ts';
import { download, findCopyToPull } from './pull-copy.ts';
import type { RestoreRequest } from './requests.ts';
import type { RestoreResult } from './results.ts';
import { startRun } from './run.ts';

/** Puts a backup's content in place of what is there, behind the fence, after a copy of what is there. */
export const restore = (session: Session, request: RestoreRequest): Promise<RestoreResult> =>
  inOperation(
    session,
    { kind: 'restore', subject: request.backup },
    {
      prepare: async (context, state) => {
        const { from } = request;
        const found = from === null ? null : await findCopyToPull(context, { backup: request.backup, from });
        if (found !== null && !found.isHere) {
          await download(context, found, await checkedIdentityFiles(context.config, request.identity));
        }
        const local = found === null ? request : { ...request, backup: found.entry.id };
        return prepare(context, state, async (_, old) => planRestore(context, local, await old));
      },
      run: async (context, scope, prepared) => {
        const run = await startRun(context, scope, prepared);
        await carryOut(run);
        const { restored } = run;
        return {
          operation: scope.operation.id,
          backup: prepared.plan.restore?.name ?? request.backup,
          aside: run.backup?.id ?? null,
          documents: restored?.documents ?? 0,
          namespaces: restored?.namespaces ?? 0,
          extra: { kept: restored?.keptExtra ?? [], dropped: restored?.droppedExtra ?? [] },
          downtimeMs: run.downtimeMs,
          elapsedMs: Math.round(context.clock.monotonic() - run.startedAt),
          warnings: restored?.warnings ?? [],
        };
      },
    },
  );
