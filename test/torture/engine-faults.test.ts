import { afterAll, beforeAll, describe, it } from 'vitest';
import { openTorture } from '../support/torture.ts';
import { databaseCases } from './faults/database.ts';
import { engineCases } from './faults/engine.ts';
import { otherCases } from './faults/others.ts';
import { registryCases } from './faults/registry.ts';
import { openWorld, playCase, type World } from './faults/world.ts';

const torture = openTorture('engine-faults');
const cases = [...registryCases, ...databaseCases, ...engineCases, ...otherCases];

// On a server of its own, whose engine can be killed: what the world around a deploy can do to it.
describe('faults around a deploy', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.cleanup());

  // `%s`: vitest cuts `$name` short.
  it.each(torture.sample(cases, 3).map((each) => [each.name, each] as const))('%s', (_, each) => playCase(world, each));
});
