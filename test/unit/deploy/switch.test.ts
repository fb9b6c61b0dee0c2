import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerState } from '../../../src/compose/engine.ts';
import { dependencyLevels } from '../../../src/compose/graph.ts';
import { renderProject } from '../../../src/compose/render.ts';
import { AS_IT_IS, switchTo, type Target } from '../../../src/deploy/switch.ts';
import { projectContainers } from '../../../src/deploy/writers.ts';
import type { Operation } from '../../../src/operation/operations.ts';
import { API, createWorld, type World } from './world.ts';

let effects: string[] = [];
const operation = {
  effect: (step: string, _intent: unknown, run: () => Promise<unknown>) => {
    effects.push(step);
    return run();
  },
} as Operation;

let world: World;
beforeEach(async () => {
  effects = [];
  world = await createWorld();
});
afterEach(() => world.remove());

const become = (service: string, state: Partial<ContainerState>): void => {
  Object.assign(world.engine.all().find((each) => each.service === service) ?? {}, state);
};

/**
 * Brings api and the edge up again, which are down as behind the fence. api becomes healthy only once the edge starts; the
 * edge is in the next level, and may be early. Resolves to what was done.
 */
const bringUp = async (overrides: Partial<Target>, onEdge: (times: number) => void = () => {}) => {
  const { context, engine } = world;
  const down = (await projectContainers(context)).filter(({ service }) => ['api', 'web'].includes(service));
  await context.docker.stop(
    down.map(({ id }) => id),
    0,
  );
  engine.behaviours.set(`${API}:v1`, 'never-healthy');
  const rendered = await renderProject(context.project, context);
  const file = join(world.directory, 'rendered.json');
  await writeFile(file, rendered.text);
  const before = engine.calls.length;
  let times = 0;
  engine.interfere = ({ text, moment }) => {
    if (text !== 'start web' || moment !== 'after') return;
    become('api', { health: 'healthy' });
    times += 1;
    onEdge(times);
  };
  await switchTo(
    context,
    {
      ...{ file, rendered, levels: dependencyLevels(rendered.services, null) },
      ...{ recreate: new Set(), start: new Set(['redis', 'api', 'web']), restart: new Set() },
      ...{ tolerated: new Set(), fenced: new Set(), early: new Set(['web']), ...overrides },
    },
    { operation, beforeStart: async () => {} },
  );
  return engine.calls.slice(before);
};

test('a service that may be early starts before the level before it is healthy', async () => {
  expect(await bringUp({})).toEqual(['start api', 'start web']);
  expect(world.running().web).toMatch(/^running /);
});

test('one that may not be early waits for that', async () => {
  await expect(bringUp({ early: new Set() })).rejects.toThrow('api is not healthy after 3 s (starting)');
  expect(world.running().web).toMatch(/^exited /);
});

test('one that gets a new container is never early: nobody knows yet whether it starts', async () => {
  await expect(bringUp({ recreate: new Set(['web']) })).rejects.toThrow('api is not healthy');
  expect(world.running().web).toMatch(/^created /);
});

test('one that did not stay up so early is started again in its turn', async () => {
  const calls = await bringUp({}, (times) => {
    if (times === 1) become('web', { state: 'exited', exitCode: 1 });
  });
  expect(calls).toEqual(['start api', 'start web', 'start web']);
  expect(world.running().web).toMatch(/^running /);
});

test('a proxy that has just started is not reloaded: it has read its configuration', async () => {
  await bringUp({});
  expect(effects).not.toContain('init');
});

test('a proxy that went on running is reloaded, for what is behind it has other addresses', async () => {
  const { context, engine } = world;
  const rendered = await renderProject(context.project, context);
  const file = join(world.directory, 'rendered.json');
  await writeFile(file, rendered.text);
  const before = engine.calls.length;
  await switchTo(
    context,
    {
      ...{ file, rendered, levels: dependencyLevels(rendered.services, null), start: new Set(['redis', 'api', 'web']) },
      ...{ ...AS_IT_IS, recreate: new Set(['api']) },
    },
    { operation },
  );
  expect(engine.calls.slice(before)).toEqual(['create api', 'start api']);
  expect(effects.at(-1)).toBe('init');
});
