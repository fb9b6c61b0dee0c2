import { runHook } from './hooks.ts';
import { hookFacts, markSwitched, type Run } from './run.ts';
import { putFilesBack } from './snapshot.ts';
import { AS_IT_IS, switchTo } from './switch.ts';

/** Without a firewall the edge lets everybody in, so it starts last, once all behind it is verified. */
export const lateServices = ({ plan, fence }: Run): readonly string[] =>
  fence?.mode === 'stop' ? plan.roles.edge : [];

/** Behind the firewall nobody reaches an edge: it may be up before what it lets traffic in to is healthy. */
export const earlyServices = ({ fence }: Run, edge: readonly string[]): ReadonlySet<string> =>
  new Set(fence?.mode === 'firewall' ? edge : []);

/** Starts the services that were kept for the end. */
export const startLate = async (run: Run): Promise<void> => {
  const { context, plan, operation, composeFile } = run;
  const late = new Set(lateServices(run));
  await context.progress.step(`start the edge (${[...late].join(', ')})`, () =>
    switchTo(
      context,
      { ...AS_IT_IS, file: composeFile, rendered: plan.pinned, levels: plan.levels, start: late, fenced: late },
      { operation },
    ),
  );
};

/** Starts the new release: what changed gets new containers, in dependency order, each level healthy before the next. */
export const switchToNew = async (run: Run): Promise<void> => {
  const { context, plan, operation, composeFile } = run;
  context.signal.throwIfAborted();
  await markSwitched(run);
  if (plan.orphans.length > 0) {
    const ids = plan.orphans.map((each) => each.id);
    await operation.effect('containers.remove', { ids }, () => context.docker.remove(ids));
  }
  if (plan.snapshot !== null) await putFilesBack(run, plan.snapshot);
  const all = new Set(Object.keys(plan.pinned.services));
  const start = new Set([...all].filter((name) => !lateServices(run).includes(name)));
  const recreate = new Set([...plan.changed].filter((name) => !run.started.has(name)));
  const writers = new Set(plan.roles.writers);
  const facts = hookFacts(run);
  await context.progress.step(`start ${plan.tag}`, async (step) => {
    await switchTo(
      context,
      {
        ...{ file: composeFile, rendered: plan.pinned, levels: plan.levels, recreate, start },
        tolerated: new Set(),
        restart: plan.restartAll ? all : new Set(),
        fenced: new Set(run.fence === null ? [] : [...plan.roles.writers, ...plan.roles.edge]),
        early: earlyServices(run, plan.roles.edge),
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
