import { expect, it } from 'vitest';
import { BY_SNAPSHOT, VICTIMS, type Victim, victim } from '../support/arena.ts';
import { openCampaign } from '../support/campaign.ts';
import { openTorture } from '../support/torture.ts';
import { chooseHits, pointOf } from '../support/trace.ts';

/** Every so often it is the next operation that finds a dead one, and not a person who asks. */
const NEXT_VERB = 0.25;

const torture = openTorture('kill-sweep');
/** `VICTIM@POINT`: this case alone, five times. What a violation's line says, to see it again. */
const [onlyVictim, onlyPoint] = process.env.KALEEM_KILL?.split('@') ?? [];

/** `fullMs`: what a full run may take; how much of the sweep fits, it says. */
const SWEEPS = [
  { beforeDeploy: 'archive', all: VICTIMS, sample: 2, fullMs: 55 * 60_000, shortMs: 40_000 },
  { beforeDeploy: 'volume', all: BY_SNAPSHOT, sample: 1, fullMs: 30 * 60_000, shortMs: 25_000 },
] as const;

it.each(SWEEPS)(
  'after SIGKILL at any failpoint everything is old-good or new-good, and no order is lost ($beforeDeploy)',
  async ({ beforeDeploy, all, sample, fullMs, shortMs }) => {
    const arenas = onlyVictim === undefined ? torture.either(2, 1) : 1;
    const campaign = await openCampaign(`kill-sweep, ${beforeDeploy}`, { arenas, beforeDeploy });
    try {
      const victims = onlyVictim === undefined ? torture.sample(all, sample) : [victim(onlyVictim)];
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
        torture.either(fullMs, shortMs),
      );
    } finally {
      await campaign.close();
    }
    expect(campaign.violations()).toEqual([]);
    expect(campaign.kills()).toBeGreaterThan(0);
  },
);
