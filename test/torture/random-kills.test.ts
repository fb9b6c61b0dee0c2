import { expect, it } from 'vitest';
import { VICTIMS } from '../support/arena.ts';
import { openCampaign } from '../support/campaign.ts';
import { openTorture } from '../support/torture.ts';

const FULL_MS = 30 * 60_000;
const SHORT_MS = 30_000;
/** More than fit. */
const CASES = 1_000;
/** What an operation takes before the first one was watched. */
const GUESS_MS = 8_000;
/** Of the recoveries, how many are killed too. */
const AGAIN = 0.3;

const torture = openTorture('random-kills');

it('after SIGKILL at any time everything is old-good or new-good, and no order is lost', async () => {
  const campaign = await openCampaign('random-kills', { arenas: torture.either(2, 1) });
  const lasts = new Map<string, number>();
  const took = (what: string): number => lasts.get(what) ?? GUESS_MS;
  try {
    await campaign.each(
      Array.from({ length: CASES }, (_, index) => ({
        victim: VICTIMS[Math.floor(torture.random() * VICTIMS.length)] ?? VICTIMS[0],
        share: torture.random(),
        again: torture.random() < AGAIN ? torture.random() : null,
        index,
      })),
      async (arena, { victim, share, again }) => {
        if (victim === undefined) throw new Error('there are no victims');
        const timed = async <T>(
          what: string,
          run: () => Promise<T & { readonly killed: boolean }>,
        ): Promise<T & { readonly killed: boolean }> => {
          const started = performance.now();
          const struck = await run();
          if (!struck.killed) lasts.set(what, performance.now() - started);
          return struck;
        };
        const killAfterMs = Math.round(share * took(victim.name));
        const { killed, outcome } = await timed(victim.name, () => arena.strike(victim, { killAfterMs }));
        const name = `${victim.name}, killed after ${killAfterMs} ms`;
        if (!killed && outcome.code !== victim.exit) {
          return { name, killed, is: 'neither', violations: [`exit ${outcome.code}: ${outcome.stderr.slice(-1500)}`] };
        }
        if (killed && again !== null) {
          await timed('recover', () =>
            arena.strikeCommand(['recover'], { killAfterMs: Math.round(again * took('recover')) }),
          );
        }
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
