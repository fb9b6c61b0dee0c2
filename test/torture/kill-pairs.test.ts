import { describe, expect, it } from 'vitest';
import { deploy, rollback } from '../../src/deploy/deploy.ts';
import type { Session } from '../../src/deploy/operate.ts';
import { recover } from '../../src/deploy/recover.ts';
import type { DeployRequest } from '../../src/deploy/requests.ts';
import { dieAt, traced } from '../support/failpoints.ts';
import { openTorture, say } from '../support/torture.ts';
import { type Hit, instantsOf } from '../support/trace.ts';
import { expectWhole } from '../unit/deploy/whole.ts';
import { API, createWorld, type World } from '../unit/deploy/world.ts';

// Every instant of an operation, and for each of them every instant of the recovery that follows: over an engine in memory,
// on real files. The same on real parts, as far as time allows, is kill-recovery.test.ts.

const torture = openTorture('kill-pairs');
const SHORT_PAIRS = 60;
const SAID_EVERY = 500;

const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

interface Operation {
  before(world: World): Promise<void>;
  run(world: World, session: Session): Promise<unknown>;
}

const operations: Readonly<Record<string, Operation>> = {
  'a good deploy': { before: async () => {}, run: (_, session) => deploy(session, to('v2')) },
  'a deploy that fails': {
    before: async ({ engine }) => void engine.behaviours.set(`${API}:v2`, 'exits'),
    run: (_, session) => deploy(session, to('v2')).catch(() => {}),
  },
  'a rollback': {
    before: async (world) => void (await deploy(world.another(), to('v2'))),
    run: (_, session) => rollback(session, { tag: null, withDatabase: false }),
  },
};

/** One hit for each instant. */
const instants = (points: readonly string[]): readonly Hit[] => {
  const hits = points.map((point): Hit => {
    const [name = '', hit] = point.split('#');
    return { name, hit: Number(hit) };
  });
  return instantsOf(hits).flatMap((instant) => instant.slice(0, 1));
};

/** Runs until it is over or dies there. */
const dyingAt = async ({ name, hit }: Hit, run: () => Promise<unknown>): Promise<void> => {
  const death = dieAt(name, hit);
  const dying = run();
  await Promise.race([death.met, dying]);
  await death.bury();
};

const inWorld = async <T>(operation: Operation, play: (world: World) => Promise<T>): Promise<T> => {
  const world = await createWorld();
  try {
    await operation.before(world);
    return await play(world);
  } finally {
    await world.remove();
  }
};

describe('killed, and its recovery killed too', () => {
  it.each(Object.keys(operations))('%s', async (name) => {
    const operation = operations[name];
    if (operation === undefined) throw new Error(name);
    const firsts = await inWorld(operation, (world) => traced(() => operation.run(world, world.another())));
    const pairs: { readonly first: Hit; readonly second: Hit }[] = [];
    for (const first of torture.sample(instants(firsts), 8)) {
      const seconds = await inWorld(operation, async (world) => {
        await dyingAt(first, () => operation.run(world, world.another()));
        return traced(() => recover(world.afterDeath(), { accept: false }));
      });
      for (const second of instants(seconds)) pairs.push({ first, second });
    }
    const chosen = torture.sample(pairs, SHORT_PAIRS);
    expect(chosen.length).toBeGreaterThanOrEqual(SHORT_PAIRS);
    for (const [done, { first, second }] of chosen.entries()) {
      if (done % SAID_EVERY === 0) say(`torture: kill-pairs: ${name}: ${done} of ${chosen.length}`);
      await inWorld(operation, async (world) => {
        await dyingAt(first, () => operation.run(world, world.another()));
        await dyingAt(second, () => recover(world.afterDeath(), { accept: false }));
        await recover(world.afterDeath(), { accept: false });
        await expectWhole(world);
      }).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(
          `killed at ${first.name}#${first.hit}, its recovery at ${second.name}#${second.hit}: ${message}`,
          {
            cause: error,
          },
        );
      });
    }
    console.log(
      `torture: kill-pairs: ${name}: ${chosen.length} of ${pairs.length} pairs, from ${firsts.length} failpoints`,
    );
  });
});
