import { afterEach, describe, expect, test } from 'vitest';
import { listBackups } from '../../../src/backup/catalogue.ts';
import { createBackup } from '../../../src/backup/create.ts';
import { deploy } from '../../../src/deploy/deploy.ts';
import { prune } from '../../../src/deploy/prune.ts';
import { recover } from '../../../src/deploy/recover.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { dieAt, traced } from '../../support/failpoints.ts';
import { fakeServer } from '../backup/fake-server.ts';
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

test('killed while it prunes backups, at any failpoint, it leaves none by halves', { timeout: 120_000 }, async () => {
  const open = async (): Promise<string> => {
    world = await createWorld();
    const { directory } = world.context.config.backup;
    for (const id of ['000001', '000002', '000003', '000004', '000005']) {
      await createBackup({
        ...{ database: fakeServer('d'), directory, id, operation: null, release: null },
        ...{ consistency: 'fenced', compression: 1, clock: world.context.clock },
      });
    }
    return directory;
  };
  await open();
  const points = await traced(() => prune(world.session, 'backups'));
  await world.remove();
  expect(points).toContain('backup.remove-archive.before#2');
  for (const point of points) {
    const directory = await open();
    const [at = '', hit] = point.split('#');
    const death = dieAt(at, Number(hit));
    await Promise.race([death.met, prune(world.session, 'backups')]);
    await death.bury();
    await recover(world.afterDeath(), { accept: false });
    const problems = (await listBackups(directory)).filter(({ problem }) => problem !== null);
    expect(problems, `killed at ${point}`).toEqual([]);
    await world.remove();
  }
  world = await createWorld();
});
