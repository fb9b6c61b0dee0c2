import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settle } from '../support/aftermath.ts';
import { expectExit } from '../support/expectations.ts';
import { type Fault, faultsOf, hitOf, labelOf, runTraced } from '../support/faults.ts';
import { type Good, goodNow } from '../support/oracle.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture } from '../support/torture.ts';
import { VERBS, type Verb } from '../support/verbs.ts';

const ERRORS = ['ENOSPC', 'EIO', 'EROFS'];
const SHORT_MS = 50_000;
/** A call that a run does not come to (another file was there already) is met in the next one. */
const TRIES = 4;

const torture = openTorture('disk faults');

interface Case {
  readonly label: string;
  readonly error: string;
  readonly fault: Fault;
}

describe('a call of the tool that the disk refuses', () => {
  let stack: Stack;
  const started = performance.now();
  const figures = { failed: 0, recovered: 0, missed: 0 };

  beforeAll(async () => {
    stack = await makeStack({ variables: { MAX_ATTEMPTS: '3' } });
    await stack.write('kaleem-deploy.yml', 'stability: 500ms\n');
    expectExit(await stack.run('v0.0.1'), 0);
    expectExit(await stack.run('v0.0.2'), 0);
  });
  afterAll(async () => {
    console.log(`torture: disk faults: ${JSON.stringify(figures)}`);
    await stack?.cleanup();
  });

  /** Fails one call of a run, and says what was wrong with how that ended. Null: the run did not come to the call. */
  const fail = async (verb: Verb, { fault, label, error }: Case, goods: Map<string, Good>) => {
    const { argv, becomes } = await verb.prepare(stack);
    const old = await goodNow(stack, verb.liveTag);
    const run = await runTraced(stack, argv, fault);
    const hit = hitOf(run);
    if (hit === null) return null;
    const met = labelOf(hit, stack.directory);
    const next = becomes(old, goods);
    const { recovered, violations } = await settle(stack, run.outcome, { old, new: next });
    if (recovered) figures.recovered += 1;
    return { met, violations: violations.map((each) => `${error} at ${label} (met ${met}): ${each}`) };
  };
});
