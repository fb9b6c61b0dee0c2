import { afterEach, describe, expect, test } from 'vitest';
import { deploy } from '../../../src/deploy/deploy.ts';
import { recover } from '../../../src/deploy/recover.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { dieAt, traced } from '../../support/failpoints.ts';
import { expectWhole } from './whole.ts';
import { API, createWorld, type World } from './world.ts';

const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

let world: World;
afterEach(() => world.remove());

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
      await death.bury();
      try {
        await recover(world.afterDeath(), { accept: false });
        await expectWhole(world);
      } catch (error) {
        throw new Error(`killed at ${point}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
      await world.remove();
    }
    world = await createWorld();
  });
});
