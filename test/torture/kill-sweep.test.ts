import { expect, it } from 'vitest';
import { VICTIMS, type Victim, victim } from '../support/arena.ts';
import { openCampaign } from '../support/campaign.ts';
import { openTorture } from '../support/torture.ts';
import { chooseHits, pointOf } from '../support/trace.ts';

/** What a full run may take; how much of the sweep fits, it says. */
const FULL_MS = 55 * 60_000;
const SHORT_MS = 60_000;
/** Every so often it is the next operation that finds a dead one, and not a person who asks. */
const NEXT_VERB = 0.25;

const torture = openTorture('kill-sweep');
/** `VICTIM@POINT`: this case alone, five times. What a violation's line says, to see it again. */
const [onlyVictim, onlyPoint] = process.env.KALEEM_KILL?.split('@') ?? [];

it('after SIGKILL at any failpoint everything is old-good or new-good, and no order is lost', async () => {
  const campaign = await openCampaign('kill-sweep', { arenas: onlyVictim === undefined ? torture.either(2, 1) : 1 });
  try {
    const victims = onlyVictim === undefined ? torture.sample(VICTIMS, 2) : [victim(onlyVictim)];
    const cases: { readonly victim: Victim; readonly point: string; readonly recovery: readonly string[] }[] = [];
    await campaign.each(victims, async (arena, victim) => {
      const { outcome, hits } = await arena.strike(victim, {});
      expect([victim.name, outcome.code, outcome.stderr]).toEqual([victim.name, victim.exit, expect.anything()]);
      const points = onlyPoint ? Array<string>(5).fill(onlyPoint) : chooseHits(hits, torture.random).map(pointOf);
      for (const point of points) {
        const recovery = torture.random() < NEXT_VERB ? ['backup', 'create'] : ['recover'];
        cases.push({ victim, point, recovery });
      }
      campaign.say(`${victim.name}: ${hits.length} hits, ${points.length} to kill at`);
      return { name: `${victim.name}, not killed`, killed: false, ...(await arena.judge(victim)) };
    });
    await campaign.each(
      torture.sample(cases, cases.length),
      async (arena, { victim, point, recovery }) => ({
        name: `${victim.name}, killed at ${point}, then ${recovery.join(' ')}`,
        ...(await arena.kill(victim, { failpoints: `${point}=kill` }, recovery)),
      }),
      torture.either(FULL_MS, SHORT_MS),
    );
  } finally {
    await campaign.close();
  }
  expect(campaign.violations()).toEqual([]);
  expect(campaign.kills()).toBeGreaterThan(0);
});
