import { expect, it } from 'vitest';
import { VICTIMS, type Victim } from '../support/arena.ts';
import { openCampaign } from '../support/campaign.ts';
import { openTorture } from '../support/torture.ts';
import { chooseHits, pointOf } from '../support/trace.ts';

const FULL_MS = 25 * 60_000;
const SHORT_MS = 30_000;
/** Points of the operation, and for each of them points of the recovery that follows. */
const FIRSTS = 24;
const SECONDS = 6;

const torture = openTorture('kill-recovery');

interface First {
  readonly victim: Victim;
  readonly point: string;
}

it('a recovery that is killed at any failpoint of its own is just another crash', async () => {
  const campaign = await openCampaign('kill-recovery', { arenas: torture.either(2, 1) });
  try {
    const victims = torture.sample(
      VICTIMS.filter(({ leads, restores }) => leads === 'to the other' || restores === 'nothing'),
      1,
    );
    const firsts: First[] = [];
    await campaign.each(victims, async (arena, victim) => {
      const { hits } = await arena.strike(victim, {});
      for (const hit of chooseHits(hits, torture.random)) firsts.push({ victim, point: pointOf(hit) });
      return { name: `${victim.name}, not killed`, killed: false, ...(await arena.judge(victim)) };
    });

    const pairs: (First & { readonly second: string })[] = [];
    const shuffled = torture.sample(firsts, torture.either(FIRSTS, 1)).slice(0, FIRSTS);
    await campaign.each(shuffled, async (arena, { victim, point }) => {
      const { killed } = await arena.strike(victim, { failpoints: `${point}=kill` });
      const { outcome, hits } = await arena.strikeCommand(['recover'], {});
      const points = chooseHits(hits, torture.random).map(pointOf);
      for (const second of torture.sample(points, SECONDS).slice(0, SECONDS)) pairs.push({ victim, point, second });
      const failed = outcome.code === 0 ? [] : [`recover: exit ${outcome.code}: ${outcome.stderr.slice(-1500)}`];
      const { is, violations } = await arena.judge(victim);
      return {
        name: `${victim.name}, killed at ${point}, recovered`,
        killed,
        is,
        violations: [...failed, ...violations],
      };
    });
    await campaign.each(
      torture.sample(pairs, pairs.length),
      async (arena, { victim, point, second }) => {
        const name = `${victim.name}, killed at ${point}, its recovery at ${second}`;
        await arena.strike(victim, { failpoints: `${point}=kill` });
        const { killed } = await arena.strikeCommand(['recover'], { failpoints: `${second}=kill` });
        return { name, killed, ...(await arena.recovered(victim)) };
      },
      torture.either(FULL_MS, SHORT_MS),
    );
  } finally {
    await campaign.close();
  }
  expect(campaign.violations()).toEqual([]);
  expect(campaign.kills()).toBeGreaterThan(0);
});
