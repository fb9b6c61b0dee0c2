import { afterEach, beforeEach, expect, it } from 'vitest';
import { inOperation } from '../../../../src/deploy/operate.ts';
import type { Run } from '../../../../src/deploy/run.ts';
import { stopDatabase } from '../../../../src/deploy/volume/secure.ts';
import { createWorld, RESTART_POLICIES, type World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.remove());

it('a database that is stopped for its files to be copied is started by nobody else meanwhile', async () => {
  await inOperation(
    world.session,
    { kind: 'deploy', subject: 'v2' },
    {
      prepare: async (context) => context.docker.containers(context.project.name, { all: true }),
      run: async (context, { operation }, containers) => {
        const redis = containers.filter(({ service }) => service === 'redis');
        await stopDatabase({ context, operation, plan: { old: null } } as unknown as Run, redis);
      },
    },
  );
  expect(world.policies()).toEqual({ ...RESTART_POLICIES, redis: 'no' });
  expect(world.running().redis).toMatch(/^exited /);
});
