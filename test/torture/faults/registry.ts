import { expect } from 'vitest';
import { expectExit } from '../../support/expectations.ts';
import { readJournals } from '../../support/journals.ts';
import type { Asked, Intercept, RegistryFault } from '../../support/registry-proxy.ts';
import { type Case, expectNewGood, expectRefused, type World } from './world.ts';

const LARGE = 24 * 1024 * 1024;

const denied: RegistryFault = { status: 401, code: 'UNAUTHORIZED' };
const limited: RegistryFault = { status: 429, code: 'TOOMANYREQUESTS', headers: { 'retry-after': '1' } };
const broken: RegistryFault = { status: 500, code: 'UNKNOWN' };

/** The first `times` requests of this kind. */
const first =
  (asked: Asked, times: number, fault: RegistryFault): Intercept =>
  (kind, count) =>
    kind === asked && count <= times ? fault : null;

/** Planning reads one blob, the image's configuration; all later ones are of the pull. */
const whilePulling =
  (fault: RegistryFault): Intercept =>
  (kind, count) =>
    kind === 'blob' && count > 1 ? fault : null;

/** The journal of an operation that was refused while it pulled: begun, and not a step further. */
const expectEndedPulling = async ({ stack }: World): Promise<void> => {
  const last = (await readJournals(stack.directory)).at(-1);
  const steps = (last?.lines ?? []).filter(({ type }) => type === 'intent').map(({ step }) => step);
  expect(steps.at(-1)).toBe('image.pull');
  expect(last?.lines.at(-1)).toMatchObject({ type: 'end', step: 'refused' });
};

const refusedBy = (
  name: string,
  fault: RegistryFault,
  says: readonly RegExp[],
  tries: { readonly least: number; readonly most: number },
): readonly Case[] => [
  {
    name: `${name} while it is asked for the tag`,
    async run(world) {
      const { tag } = await world.variants.publish();
      world.visits.look();
      world.server.registry.heal();
      world.server.registry.intercept(first('manifest', 1_000, fault));
      const outcome = await world.stack.run(tag);
      const { manifest } = world.server.registry.seen;
      world.server.registry.heal();
      expect(manifest).toBeGreaterThanOrEqual(tries.least);
      expect(manifest).toBeLessThanOrEqual(tries.most);
      await expectRefused(world, outcome, [...says, new RegExp(tag)]);
    },
  },
  {
    name: `${name} while the image is pulled`,
    async run(world) {
      const { tag } = await world.variants.publish();
      world.visits.look();
      world.server.registry.heal();
      world.server.registry.intercept(whilePulling(fault));
      const outcome = await world.stack.run(tag);
      world.server.registry.heal();
      await expectEndedPulling(world);
      await expectRefused(world, outcome, says);
    },
  },
];

const healing = (name: string, faults: Intercept): Case => ({
  name: `${name} heals, and the deploy goes on`,
  async run(world) {
    const { tag } = await world.variants.publish({ layerBytes: LARGE });
    world.visits.look();
    world.server.registry.heal();
    world.server.registry.intercept(faults);
    const outcome = await world.stack.run(tag);
    world.server.registry.heal();
    expectExit(outcome, 0);
    await expectNewGood(world, tag, outcome);
  },
});

/** What a registry, or the way to it, can do to a deploy: nothing but delay or refuse it. */
export const registryCases: readonly Case[] = [
  ...refusedBy('401', denied, [/refuses .*unauthorized/i, /hint: docker login 127\.0\.0\.1:\d+/], {
    least: 1,
    most: 2,
  }),
  ...refusedBy('429', limited, [/limits pulls, and refuses .* for now \(tried 6 times\)/, /hint: wait/], {
    least: 6,
    most: 12,
  }),
  ...refusedBy(
    '500',
    broken,
    [/could not be reached for .*\(tried 6 times\)/, /hint: check the network and the registry/],
    {
      least: 6,
      most: 12,
    },
  ),
  healing('429 twice', first('manifest', 2, limited)),
  healing('500 twice', first('manifest', 2, broken)),
  healing('a connection that breaks in the middle of a layer', (kind, count) =>
    kind === 'blob' && count > 1 && count <= 3 ? { cutAfter: LARGE / 4 } : null,
  ),
  {
    name: 'a registry that is cut off while it is asked for the tag',
    async run(world) {
      const { tag } = await world.variants.publish();
      world.visits.look();
      world.server.registry.cut();
      const outcome = await world.stack.run(tag);
      world.server.registry.heal();
      await expectRefused(world, outcome, [/could not be reached for .*\(tried 6 times\)/, /check the network/]);
    },
  },
  {
    name: 'a registry that is cut off in the middle of a layer',
    async run(world) {
      const { tag } = await world.variants.publish({ layerBytes: LARGE });
      const { registry } = world.server;
      world.visits.look();
      registry.heal();
      registry.intercept((kind, count) => {
        if (kind !== 'blob' || count < 3) return null;
        setTimeout(() => registry.cut(), 50);
        return { cutAfter: LARGE / 2 };
      });
      const outcome = await world.stack.run(tag);
      registry.heal();
      await expectEndedPulling(world);
      await expectRefused(world, outcome, [/could not be reached for .*\(tried \d times\)/, /check the network/]);
    },
  },
  {
    name: 'a tag that is pointed elsewhere between plan and pull: what was planned is what runs',
    async run(world) {
      const planned = await world.variants.publish();
      let moved = false;
      world.visits.look();
      world.server.registry.heal();
      world.server.registry.intercept(async (kind, count) => {
        if (kind !== 'blob' || count < 2 || moved) return null;
        moved = true;
        await world.variants.publish({ tag: planned.tag, fault: 'exit' });
        return null;
      });
      const outcome = await world.stack.run(planned.tag);
      world.server.registry.heal();
      expect(moved).toBe(true);
      expectExit(outcome, 0);
      await expectNewGood(world, planned.tag, outcome);
      const [running] = (await world.stack.containers()).filter(({ service }) => service === 'api');
      expect(running?.image).toContain(planned.digest);
    },
  },
  {
    name: 'an image that is deleted between plan and pull',
    async run(world) {
      const planned = await world.variants.publish();
      world.visits.look();
      world.server.registry.heal();
      world.server.registry.intercept(async (kind, count) => {
        // The configuration is the last thing that planning reads.
        if (kind === 'blob' && count === 1) setTimeout(() => world.variants.remove(planned).catch(() => {}), 100);
        return null;
      });
      const outcome = await world.stack.run(planned.tag);
      world.server.registry.heal();
      await expectEndedPulling(world);
      await expectRefused(world, outcome, [/is not in the registry/, /hint: check that .* was pushed/]);
    },
  },
];
