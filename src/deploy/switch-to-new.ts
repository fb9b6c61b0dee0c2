import { runHook } from './hooks.ts';
import type { Run } from './run.ts';
import { putFilesBack } from './snapshot.ts';
import { switchTo } from './switch.ts';

/** Starts the new release: what changed gets new containers, in dependency order, each level healthy before the next. */
export const switchToNew = async (run: Run): Promise<void> => {
  const { context, plan, operation, composeFile } = run;
  context.signal.throwIfAborted();
  run.switched = true;
  if (plan.orphans.length > 0) {
    const ids = plan.orphans.map((each) => each.id);
    await operation.effect('containers.remove', { ids }, () => context.docker.remove(ids));
  }
  if (plan.snapshot !== null) await putFilesBack(run, plan.snapshot);
  const all = new Set(Object.keys(plan.pinned.services));
  const recreate = new Set([...plan.changed].filter((name) => !run.started.has(name)));
  const writers = new Set(plan.roles.writers);
  const facts = { tag: plan.tag, previousTag: plan.old?.release.tag ?? null, backup: run.backup?.id ?? null };
  await context.progress.step(`start ${plan.tag}`, async (step) => {
    await switchTo(
      context,
      {
        ...{ file: composeFile, rendered: plan.pinned, levels: plan.levels, recreate, start: all },
        tolerated: new Set(),
        restart: plan.restartAll ? all : new Set(),
        fenced: new Set(run.fence === null ? [] : [...plan.roles.writers, ...plan.roles.edge]),
      },
      {
        operation,
        beforeStart: async (containers) =>
          run.fence?.isolate(containers.filter((each) => writers.has(each.service)).map((each) => each.id)),
        beforeWriters: {
          services: writers,
          run: () => runHook(context, operation, 'migrate', { facts, composeFile, code: 'check-failed' }),
        },
      },
    );
    step.summary(plan.changed.size === 0 ? 'nothing changed' : `replaced ${[...plan.changed].join(', ')}`);
  });
};
