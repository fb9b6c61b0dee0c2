import { expect } from 'vitest';
import { servedVersion } from '../../support/asking.ts';
import type { Outcome } from '../../support/command.ts';
import { insertInto } from '../../support/database.ts';
import { expectExit } from '../../support/expectations.ts';
import { freePort } from '../../support/free-port.ts';
import { type Halted, runUntil } from '../../support/halting.ts';
import { openVariants, type Variants } from '../../support/image-variant.ts';
import { type Good, goodNow, judge } from '../../support/oracle.ts';
import { type Server, startServer } from '../../support/server.ts';
import { makeStack, type Stack } from '../../support/stack.ts';
import { sendVisitors, type Visits, versionsIn } from '../../support/visitors.ts';

/** A server with the small stack live on it, and visitors; cases come one after the other. */
export interface World {
  readonly server: Server;
  readonly stack: Stack;
  readonly variants: Variants;
  readonly visits: Visits;
  /** The release that is live, as it was when the case began. */
  good: Good;
  cleanup(): Promise<void>;
}

export interface Case {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** An agent that only recovers. */
const CONFIGURATION = `stability: 300ms
agent: { schedules: { backup: none, verify: none, drill: none, prune: none, watch: none }, watch_release: 0s }
`;
const ORDERS = 400;

export const openWorld = async (): Promise<World> => {
  const ports = { http: await freePort(), api: await freePort() };
  const server = await startServer({ ports: [ports.http, ports.api] });
  try {
    const stack = await makeStack({ machine: server, ports });
    await stack.write('kaleem-deploy.yml', CONFIGURATION);
    // v0.0.1 is what the server's disk holds; v0.0.2 brings the migration that later versions expect.
    expectExit(await stack.run('v0.0.2'), 0);
    const orders = Array.from({ length: ORDERS }, (_, number) => ({ number, item: 'fig', currency: 'USD' }));
    await insertInto(await stack.databaseAddress(), 'orders', orders);
    const variants = openVariants();
    const visits = sendVisitors(stack);
    const good = await goodNow(stack, 'v0.0.2');
    const cleanup = async () => {
      await visits.stop();
      await variants.cleanup();
      await server.cleanup();
    };
    return { server, stack, variants, visits, good, cleanup };
  } catch (error) {
    await server.cleanup();
    throw error;
  }
};

/** Seconds that a version has which runs and never answers: it is waited for. */
const HANGING_ATTEMPTS = '5';

/** Deploys a new image until it is at the failpoint `NAME#N`; see `Variants` for what can be wrong with the image. */
export const haltDeploy = async (
  { stack, variants, visits }: World,
  { point, fault }: { readonly point: string; readonly fault: string },
): Promise<Halted & { readonly tag: string }> => {
  const { tag } = await variants.publish({ fault });
  visits.look();
  const halted = await runUntil(stack, point, [tag], fault === 'hang' ? { MAX_ATTEMPTS: HANGING_ATTEMPTS } : {});
  return { ...halted, tag };
};

/** Kept releases whose images somebody else removed are no fault of the tool's. */
const isTheirs = (violation: string): boolean => /image \S+ of a kept release is gone/.test(violation);

/** The engine and the database answer, and every container that shall run is up: what is judged is how it stays, not how it comes up. */
const settled = async ({ server, stack }: World): Promise<void> => {
  await server.engineUp();
  const deadline = Date.now() + 20_000;
  for (;;) {
    const containers = await stack.containers();
    const areUp = containers.every(({ state, health }) => state === 'running' && (health ?? 'healthy') === 'healthy');
    if (areUp && (await stack.collections().catch(() => null)) !== null) return;
    if (Date.now() > deadline) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

/** As it was before: images, definitions, `.env`, data, and nothing left behind. No visitor met another version. */
export const expectOldGood = async (world: World, outcome: Outcome): Promise<void> => {
  await settled(world);
  const { violations } = await judge(world.stack, { old: world.good, new: null });
  expect(
    violations.filter((each) => !isTheirs(each)),
    outcome.stderr,
  ).toEqual([]);
  expect(
    versionsIn(world.visits.look()).filter((version) => version !== world.good.tag),
    outcome.stderr,
  ).toEqual([]);
};

/** The new version is live; it is the old one of what comes next. */
export const expectNewGood = async (world: World, tag: string, outcome: Outcome): Promise<void> => {
  await settled(world);
  const now = await goodNow(world.stack, tag);
  const { violations } = await judge(world.stack, { old: now, new: null });
  expect(
    violations.filter((each) => !isTheirs(each)),
    outcome.stderr,
  ).toEqual([]);
  expect(now.database, 'nothing was written').toEqual(world.good.database);
  expect(now.services.api?.imageId).not.toBe(world.good.services.api?.imageId);
  const others = versionsIn(world.visits.look()).filter((version) => version !== world.good.tag && version !== tag);
  expect(others, outcome.stderr).toEqual([]);
  world.good = now;
};

/** Exit 12: not a container was touched and no visitor noticed anything. */
export const expectRefused = async (world: World, outcome: Outcome, says: readonly RegExp[]): Promise<void> => {
  expectExit(outcome, 12);
  for (const each of says) expect(outcome.stderr).toMatch(each);
  expect(world.visits.look()).toEqual([world.good.tag]);
  await expectOldGood(world, outcome);
};

/**
 * An engine that was killed ends what runs when it comes back, and then takes `unless-stopped` for stopped by hand
 * (moby/moby#41302): what nobody but a person brings up again.
 */
export const startByHand = async ({ server, stack }: World): Promise<void> => {
  await server.engineUp();
  await server.docker('start', ...Object.values(await stack.ids()));
};

/** A case that failed must not fail the next one: whatever runs now is what it begins with. */
export const playCase = async (world: World, { run }: Case): Promise<void> => {
  try {
    await run(world);
  } catch (error) {
    world.server.registry.heal();
    await world.stack.run('recover').catch(() => {});
    await startByHand(world).catch(() => {});
    await settled(world);
    world.good = await goodNow(world.stack, await servedVersion(world.stack.httpPort)).catch(() => world.good);
    throw error;
  }
};
