import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { deploy } from '../../../src/deploy/deploy.ts';
import { recover } from '../../../src/deploy/recover.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { dieAt, traced } from '../../support/failpoints.ts';
import { API, allRunning, createWorld, RESTART_POLICIES, type World } from './world.ts';

const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

let world: World;
afterEach(() => world.remove());

/** All files of the project that nobody asked for. */
const leftovers = async (): Promise<readonly string[]> => {
  const names = await readdir(world.directory, { recursive: true });
  return names.filter((name) => /(^|\/)\./.test(name.replace(/^\.(kaleem|env)/, ''))).sort();
};

const version = (): 'v1' | 'v2' | 'neither' => {
  const running = JSON.stringify(world.running());
  return running === JSON.stringify(world.running()) && running === JSON.stringify(sorted('v1'))
    ? 'v1'
    : running === JSON.stringify(sorted('v2'))
      ? 'v2'
      : 'neither';
};
const sorted = (tag: string) => {
  const all = allRunning(world, tag);
  return Object.fromEntries(Object.keys(world.running()).map((name) => [name, all[name]]));
};

/** Whole, one version or the other, and nothing of the operation is left. */
const expectWhole = async (): Promise<void> => {
  const live = version();
  expect(live).not.toBe('neither');
  expect(await world.env()).toBe(`# the shop\nAPI_IMAGE=${API}:${live}\nCOLOUR=blue\n`);
  expect(world.policies()).toEqual(RESTART_POLICIES);
  await expect(stat(join(world.directory, '.kaleem', 'fence.json'))).rejects.toThrow('ENOENT');
  const releases = await world.releases();
  if (releases.length > 0)
    expect(releases.filter(({ status }) => status === 'live').map(({ tag }) => tag)).toEqual([live]);
  expect(await leftovers()).toEqual([]);
  const [last] = await world.history();
  expect(last?.outcome ?? 'none').not.toMatch(/halted|null/);
  expect((await world.history()).every(({ outcome }) => outcome !== null)).toBe(true);
};

const operations = {
  'a good deploy': async (session: World['session']) => {
    await deploy(session, to('v2'));
  },
  'a deploy that fails': async (session: World['session']) => {
    world.engine.behaviours.set(`${API}:v2`, 'exits');
    await deploy(session, to('v2')).catch(() => {});
  },
};

describe.each(Object.keys(operations) as (keyof typeof operations)[])('killed during %s', (name) => {
  test('at any failpoint, what the next operation does first is recover', { timeout: 600_000 }, async () => {
    world = await createWorld();
    const points = await traced(() => operations[name](world.session));
    await world.remove();
    expect(points.length).toBeGreaterThan(50);
    for (const point of points) {
      world = await createWorld();
      const [at = '', hit] = point.split('#');
      const death = dieAt(at, Number(hit));
      const dying = operations[name](world.session);
      await Promise.race([death.met, dying]);
      death.bury();
      try {
        await recover(world.afterDeath(), { accept: false });
        await expectWhole();
      } catch (error) {
        throw new Error(`killed at ${point}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
      await world.remove();
    }
    world = await createWorld();
  });
});
