import type { ContainerState } from '../compose/engine.ts';
import type { RenderedProject } from '../compose/rendered.ts';
import { writtenAtStart } from '../compose/written-at-start.ts';
import { DeployError } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import type { Context } from './context.ts';
import { runInitSteps } from './init/run.ts';
import { lastWords } from './last-words.ts';
import { holdRestarts, ofServices, projectContainers } from './writers.ts';

const FIRST_POLL_MS = 100;
const SLOWEST_POLL_MS = 250;
/** Most containers are healthy within seconds, in which a look more or less is cheaper than the wait. */
const POLL_GROWTH = 1.02;

/** What is brought up, and how. */
export interface Target {
  /** The rendered compose file that `up` is given. */
  readonly file: string;
  readonly rendered: RenderedProject;
  readonly levels: readonly (readonly string[])[];
  /** Services that get a new container. */
  readonly recreate: ReadonlySet<string>;
  /** Services that run in the end; others are only created. */
  readonly start: ReadonlySet<string>;
  /** Running services that are restarted although they keep their container. */
  readonly restart: ReadonlySet<string>;
  /** Services that need not be healthy, since they were not before either; running is enough. */
  readonly tolerated: ReadonlySet<string>;
  /** Services whose containers have no restart policy until the lift. Empty when nothing is fenced. */
  readonly fenced: ReadonlySet<string>;
  /**
   * Services that start once the level before theirs has started, before it is healthy, where they keep their container:
   * nobody reaches them yet, and they take a while. One that does not stay up is started again in its turn.
   */
  readonly early: ReadonlySet<string>;
}

/** Nothing but what is asked for is replaced, restarted, fenced, excused or started before its turn. */
export const AS_IT_IS: Pick<Target, 'recreate' | 'restart' | 'tolerated' | 'fenced' | 'early'> = {
  ...{ recreate: new Set(), restart: new Set(), tolerated: new Set(), fenced: new Set(), early: new Set() },
};

export interface SwitchOptions {
  readonly operation: Operation;
  /** New containers of fenced services, before they start. */
  readonly beforeStart?: (containers: readonly ContainerState[]) => Promise<void>;
  /** Run once, before the first level that starts one of `services`. */
  readonly beforeWriters?: { readonly services: ReadonlySet<string>; readonly run: () => Promise<void> };
}

/** Why a container can't become ready any more; null while it still may. */
export const hopelessness = (container: ContainerState, mayExit: boolean): string | null => {
  const { state, exitCode, oomKilled, service, restartPolicy } = container;
  if (state !== 'exited' && state !== 'dead') return null;
  if (mayExit && exitCode === 0) return null;
  if (restartPolicy !== 'no' && !oomKilled && state === 'exited') return null;
  return `${service} exited with code ${exitCode}${oomKilled ? ', out of memory' : ''}`;
};

const isReady = (container: ContainerState, mayExit: boolean): boolean => {
  if (mayExit && container.state === 'exited') return container.exitCode === 0;
  return container.state === 'running' && (container.health === null || container.health === 'healthy');
};

/** Services that others wait for to end, not to run. */
export const oneShots = (rendered: Pick<RenderedProject, 'services'>): ReadonlySet<string> =>
  new Set(
    Object.values(rendered.services).flatMap((service) =>
      Object.entries(service.dependsOn)
        .filter(([, { condition }]) => condition === 'service_completed_successfully')
        .map(([name]) => name),
    ),
  );

/** Waits until every container of the level is up and healthy; the budget is that of the gates. */
const waitForLevel = async (context: Context, names: readonly string[], { rendered }: Target): Promise<void> => {
  const { clock, config, signal } = context;
  const exits = oneShots(rendered);
  const deadline = clock.monotonic() + config.attempts.attempts * config.attempts.intervalMs;
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * POLL_GROWTH, SLOWEST_POLL_MS)) {
    const containers = ofServices(await projectContainers(context), names);
    const pending = containers.filter((each) => !isReady(each, exits.has(each.service)));
    if (pending.length === 0) return;
    for (const each of pending) {
      const reason = hopelessness(each, exits.has(each.service));
      if (reason !== null) throw new DeployError('check-failed', reason, { details: await lastWords(context, each) });
    }
    const [slow] = pending;
    if (slow !== undefined && clock.monotonic() > deadline) {
      const seconds = (config.attempts.attempts * config.attempts.intervalMs) / 1000;
      throw new DeployError(
        'check-failed',
        `${slow.service} is not healthy after ${seconds} s (${slow.health ?? slow.state})`,
        {
          details: await lastWords(context, slow),
        },
      );
    }
    await clock.sleep(wait, signal);
  }
};

const start = async (context: Context, containers: readonly ContainerState[], target: Target): Promise<void> => {
  const { compose, docker, signal } = context;
  const inline = writtenAtStart(target.rendered.text);
  const byCompose = containers.filter((each) => each.state === 'created' && inline.has(each.service));
  const names = [...new Set(byCompose.map((each) => each.service))];
  if (names.length > 0) await compose.up(target.file, names, { recreate: 'never', signal });
  const rest = containers.filter((each) => !byCompose.includes(each)).map((each) => each.id);
  if (rest.length > 0) await docker.start(rest, { signal });
};

/** Starts what of these services does not run yet, and what is to be restarted. Resolves to the services that it started. */
const startServices = async (
  context: Context,
  names: readonly string[],
  target: Target,
  options: SwitchOptions,
): Promise<ReadonlySet<string>> => {
  const { docker } = context;
  const { operation } = options;
  const containers = ofServices(await projectContainers(context), names);
  const restarted = containers.filter((each) => each.state === 'running' && target.restart.has(each.service));
  for (const each of restarted) {
    const graceMs = target.rendered.services[each.service]?.stopGraceMs ?? 10_000;
    await operation.effect('containers.stop', { ids: [each.id], services: [each.service] }, () =>
      docker.stop([each.id], graceMs),
    );
  }
  const fenced = containers.filter((each) => target.fenced.has(each.service));
  await holdRestarts(context, operation, fenced);
  await options.beforeStart?.(fenced);
  const idle = containers.filter((each) => each.state !== 'running' || restarted.includes(each));
  const toStart = idle.filter(
    (each) => !(each.state === 'exited' && each.exitCode === 0 && oneShots(target.rendered).has(each.service)),
  );
  if (toStart.length > 0) {
    await operation.effect('containers.start', { ids: toStart.map((each) => each.id), services: names }, () =>
      start(context, toStart, target),
    );
  }
  return new Set(toStart.map((each) => each.service));
};

/** Brings a level up and waits for it. What it starts is added to `fresh`. */
const startLevel = async (
  context: Context,
  level: { readonly names: readonly string[]; readonly early: readonly string[] },
  target: Target,
  options: SwitchOptions,
  fresh: Set<string>,
): Promise<void> => {
  const { names, early } = level;
  if (names.length === 0) return;
  for (const services of [names, early]) {
    if (services.length === 0) continue;
    for (const name of await startServices(context, services, target, options)) fresh.add(name);
  }
  await waitForLevel(
    context,
    names.filter((name) => !target.tolerated.has(name)),
    target,
  );
  await runInitSteps(context, options.operation, names, { rendered: target.rendered, fresh });
};

/** The levels that a service needs to run, itself included. */
export const levelsUpTo = (
  levels: readonly (readonly string[])[],
  rendered: RenderedProject,
  service: string,
): readonly (readonly string[])[] => {
  const needed = new Set([service]);
  for (const level of levels.toReversed()) {
    for (const name of level.filter((each) => needed.has(each))) {
      for (const dependency of Object.keys(rendered.services[name]?.dependsOn ?? {})) needed.add(dependency);
    }
  }
  return levels.map((level) => level.filter((name) => needed.has(name))).filter((level) => level.length > 0);
};

/** Brings services up in dependency order, each level healthy before the next. */
export const switchTo = async (context: Context, target: Target, options: SwitchOptions): Promise<void> => {
  const { compose, signal } = context;
  const { operation, beforeWriters } = options;
  const recreate = [...target.recreate].filter((name) => target.rendered.services[name] !== undefined);
  if (recreate.length > 0) {
    await operation.effect('containers.create', { services: recreate, file: target.file }, () =>
      compose.create(target.file, recreate, { recreate: 'always', signal }),
    );
  }
  const fresh = new Set<string>();
  let migrated = beforeWriters === undefined;
  const isEarly = (name: string) => target.early.has(name) && !target.recreate.has(name) && !target.restart.has(name);
  for (const [index, level] of target.levels.entries()) {
    signal.throwIfAborted();
    if (!migrated && level.some((name) => beforeWriters?.services.has(name))) {
      migrated = true;
      await beforeWriters?.run();
    }
    const starting = (names: readonly string[] = []) => names.filter((name) => target.start.has(name));
    const early = starting(target.levels[index + 1]).filter(isEarly);
    await startLevel(context, { names: starting(level), early }, target, options, fresh);
  }
};
