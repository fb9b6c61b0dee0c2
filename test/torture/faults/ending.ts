import { expect } from 'vitest';
import { servedVersion } from '../../support/asking.ts';
import type { Outcome } from '../../support/command.ts';
import { expectExit } from '../../support/expectations.ts';
import { expectNewGood, expectOldGood, type World } from './world.ts';

export interface Endings {
  /** The tag that was deployed; null when it could never become live. */
  readonly tag: string | null;
  /** Exit codes that DESIGN.md allows here. */
  readonly codes: readonly number[];
  /** Of the message, when it did not succeed: the cause. */
  readonly says: RegExp;
}

/**
 * An operation ended in one of the ways it may: 0 with the new version live; 12 with nothing touched; 20 and 30 with the old
 * one live again; 21 halted, and `recover` then finishes what was committed, or brings the old one back. Whichever it is, a
 * person is told the cause, and what to type where something is left to type.
 */
export const expectEnding = async (world: World, outcome: Outcome, { tag, codes, says }: Endings): Promise<void> => {
  if (!codes.includes(outcome.code)) expectExit(outcome, codes[0] ?? 0);
  if (outcome.code === 0 && tag !== null) return expectNewGood(world, tag, outcome);
  expect(outcome.stderr).toMatch(says);
  if (outcome.code === 12) return expectOldGood(world, outcome);
  if (outcome.code === 21) {
    await world.server.engineUp();
    expect(outcome.stderr, 'what to type next').toMatch(/hint: .*kaleem-deploy recover/);
    expectExit(await world.stack.run('recover'), 0);
    if (tag !== null && (await servedVersion(world.stack.httpPort)) === tag) return expectNewGood(world, tag, outcome);
  } else {
    expect(outcome.stderr).toContain(`${world.good.tag} is live again`);
  }
  await expectOldGood(world, outcome);
};
