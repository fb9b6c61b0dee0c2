import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../backup/manifest.ts';
import type { RestoreReport } from '../backup/restore.ts';
import type { PausedTtl } from '../backup/ttl.ts';
import type { GateReport } from '../health/poll.ts';
import type { Release } from '../operation/releases.ts';
import { replaceFile } from '../system/durable-file.ts';
import { sideBySide } from '../system/side-by-side.ts';
import { type Condition, conditionBefore } from './condition.ts';
import type { Context } from './context.ts';
import { rememberIdentity } from './database.ts';
import type { Fence } from './fence/fence.ts';
import { passGates } from './gates.ts';
import { holdOldImages } from './hold.ts';
import { type HookFacts, runHook } from './hooks.ts';
import type { DeployPlan } from './plan.ts';
import type { Prepared } from './prepare.ts';
import type { OperationScope } from './scope.ts';
import { writeUndoRecord } from './undo-record.ts';
import type { Helper } from './volume/helper.ts';
import type { SnapshotRecord } from './volume/record.ts';

/** What the journal says of how far an operation came: all that a recovery must know beside the undo record. */
export const NOTE = {
  /** Data: the mode. From here on the fence may stand. */
  fence: 'fence',
  /** From here on the TTL monitor may be off. */
  ttl: 'ttl.pause',
  /** From here on the database may be stopped, for a snapshot of its volume. */
  volume: 'volume.snapshot',
  /** It was off before: nobody is to put it on again. */
  ttlWasOff: 'ttl.was-off',
  switched: 'switched',
  /** The operation has failed: whatever is live now, the old release is to be. */
  undo: 'undo',
  /** The new release is the live one, and stays it. */
  committed: 'committed',
  /** The old release is back and verified. From here on writes may be accepted, so nothing is restored any more. */
  undone: 'undone',
  lifted: 'lifted',
} as const;

/** One deploy as it goes: what is fixed, and what the undo must know of how far it came. */
export interface Run extends OperationScope {
  /** The undo, and all that follows the commit, replace it by one that can't be interrupted. */
  context: Context;
  readonly plan: DeployPlan;
  /** The rendered, pinned compose file of the new release. */
  readonly composeFile: string;
  /** `.env` before the operation; null where there was none. */
  readonly envBefore: Buffer | null;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** Bytes of the database's documents, as preflight found them; null: it did not run, or there is none. */
  readonly dataBytes: number | null;
  /** What was not well before the deploy: the old release is not held to it when it comes back. */
  readonly before: Condition;
  fence: Fence | null;
  /** Monotonic milliseconds. */
  fencedAt: number | null;
  downtimeMs: number | null;
  /** The dump taken behind the fence; null until then, and where no writer changes or there is no database. */
  backup: Manifest | null;
  /** Where the database is secured by a snapshot of its volume instead. Until it is taken a helper stands by. */
  snapshot: { readonly record: SnapshotRecord; readonly helper: Helper | null } | null;
  /** From here on containers may be the new release's. */
  switched: boolean;
  /** Pinned reference -> image id, once pulled: the engine forgets a digest when somebody moves its tag. */
  readonly imageIds: Map<string, string>;
  /** Services that this operation has already given a new container: the database's, for the backup. */
  readonly started: Set<string>;
  /** Puts the TTL monitor on again, where it was put off. */
  ttl: PausedTtl | null;
  /** The new release's record, once it is committed. */
  release: Release | null;
  /** What a chosen backup's restore did. */
  restored: RestoreReport | null;
  gates: readonly GateReport[];
}

/** What must end can't be interrupted, whatever is pressed. */
export const unstoppable = (context: Context): Context => {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return { ...context, signal };
};

/** Where an operation keeps the rendered, pinned compose file of the new release. */
export const composeFileOf = ({ directory }: OperationScope['operation']): string => join(directory, 'compose.json');

/** A run that has done nothing yet. */
export const runOf = (
  context: Context,
  scope: OperationScope,
  fixed: Pick<Run, 'plan' | 'composeFile' | 'envBefore' | 'before' | 'dataBytes'>,
): Run => ({
  ...{ ...scope, ...fixed, context, startedAt: context.clock.monotonic() },
  ...{ fence: null, fencedAt: null, downtimeMs: null, backup: null, snapshot: null, switched: false },
  ...{ imageIds: new Map<string, string>(), started: new Set<string>() },
  ...{ ttl: null, release: null, restored: null, gates: [] },
});

/** What a hook is told of a deploy. */
export const hookFacts = ({ plan, backup }: Pick<Run, 'plan' | 'backup'>): HookFacts => ({
  ...{ tag: plan.tag, previousTag: plan.old?.release.tag ?? null, backup: backup?.id ?? null },
});

/** From here on containers may be the new release's, and the database may change. The journal says so first. */
export const markSwitched = async (run: Run): Promise<void> => {
  if (run.switched) return;
  await run.operation.note(NOTE.switched, {});
  run.switched = true;
};

/** The operation's own files, the old release made sure of, the pre-deploy hook and gates. Nothing of the application is touched. */
export const startRun = async (context: Context, scope: OperationScope, { plan, database }: Prepared): Promise<Run> => {
  const { operation, releases, state } = scope;
  const composeFile = composeFileOf(operation);
  await replaceFile(composeFile, plan.pinned.text);
  const envBefore = await readFile(context.config.compose.envFile).catch(() => null);
  if (plan.old !== null && !plan.old.saved) {
    await releases.save({ ...plan.old.release, operation: operation.id }, plan.old.snapshot);
    await releases.setLive(plan.old.release.id);
  }
  const [before] = await sideBySide([
    conditionBefore(context, plan),
    plan.old === null ? undefined : holdOldImages(context, operation, plan.old.release),
  ]);
  if (database !== null) await rememberIdentity(state, database.identity);
  const facts = hookFacts({ plan, backup: null });
  await runHook(context, operation, 'pre-deploy', { facts, composeFile, code: 'hook-failed-before' });
  if (context.config.gates.before.length > 0) {
    await passGates(
      context,
      context.config.gates.before,
      { imageIds: {}, running: [] },
      {
        ...{ suspects: [], stabilityMs: 0, code: 'gate-failed-before' },
        title: 'check the gates before the deploy',
      },
    );
  }
  await writeUndoRecord(operation.directory, plan, before, envBefore);
  return runOf(context, scope, { plan, composeFile, envBefore, before, dataBytes: database?.dataBytes ?? null });
};
