import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settle } from '../support/aftermath.ts';
import { type DiskImage, makeDiskImage } from '../support/disk-image.ts';
import { expectExit } from '../support/expectations.ts';
import { type Place, placeText, runTraced } from '../support/faults.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture } from '../support/torture.ts';
import { openTrial, type Trial, VERBS, type VerbName } from '../support/verbs.ts';

// Every write of the tool's fails once: single calls through strace, below Node; and short writes on a file system that is
// full at that very place.

const ERRORS = ['ENOSPC', 'EIO', 'EROFS'] as const;
/** Of each of the two tests in the short part. */
const SHORT_MS = 15_000;
/** A run may not come to a call (another number in a name, one release fewer to remove); it is met in the next one. */
const TRIES = 4;
/** More than a verb writes. */
const MOST_KIBIBYTES = 60;
const ENOUGH = 20;

const torture = openTorture('disk faults');

const hasTimeFrom = (started: number): boolean => torture.full || performance.now() - started < SHORT_MS;

// In a full run each verb has a stack of its own, at the same time as the others; in a short one, one verb is tried.
const each = torture.full ? describe.concurrent : describe;

each.for(torture.sample(VERBS, 1))('%s on a disk that fails', (verb: VerbName) => {
  let disk: DiskImage;
  let stack: Stack;
  let trial: Trial;
  const figures = { verb, calls: 0, failed: 0, recovered: 0, notMet: 0, full: 0, recoveredFromFull: 0 };

  beforeAll(async () => {
    // Blocks of 1 KiB: a write that does not fit ends in the middle.
    disk = await makeDiskImage({ mebibytes: 24, blockBytes: 1024 });
    stack = await makeStack({ directory: disk.directory, variables: { MAX_ATTEMPTS: '20' } });
    await stack.write('kaleem-deploy.yml', 'stability: 500ms\n');
    trial = await openTrial(stack);
  });
  afterAll(async () => {
    console.log(`torture: disk faults: ${JSON.stringify(figures)}`);
    await stack?.cleanup();
    await disk?.remove();
  });

  /** What was wrong with how a run ended one of whose calls failed; null: it did not come to that call. */
  const fail = async (place: Place, error: string): Promise<readonly string[] | null> => {
    const states = await trial.attempt(verb);
    const { outcome, failed } = await runTraced(stack, states.argv, { place, error });
    const { recovered, violations } = await settle(stack, outcome, states);
    if (recovered) figures.recovered += 1;
    if (failed === null && violations.length === 0) return null;
    figures.failed += 1;
    return violations.map((text) => `${error} at ${placeText(place)}: ${text}`);
  };

  it('ends with all of it done, or nothing, or is recovered, whichever call fails', async () => {
    const { argv, exitCode } = await trial.attempt(verb);
    const traced = await runTraced(stack, argv);
    expectExit(traced.outcome, exitCode);
    figures.calls = traced.places.length;
    expect(traced.places.length).toBeGreaterThan(20);
    const cases = traced.places.flatMap((place) => ERRORS.map((error) => ({ place, error })));
    const started = performance.now();
    const violations: string[] = [];
    for (const { place, error } of torture.sample(cases, ENOUGH)) {
      if (!hasTimeFrom(started) || violations.length > ENOUGH) break;
      let found: readonly string[] | null = null;
      for (let tries = torture.either(TRIES, 1); found === null && tries > 0; tries -= 1)
        found = await fail(place, error);
      if (found === null) figures.notMet += 1;
      violations.push(...(found ?? []));
    }
    expect(violations).toEqual([]);
    expect(figures.failed).toBeGreaterThan(0);
    // Some come once in a while, such as the removal of a release too many.
    expect(figures.notMet).toBeLessThanOrEqual(figures.failed);
  });

  it('ends so, too, when the disk is full in the middle of a write', async () => {
    const sizes = Array.from({ length: MOST_KIBIBYTES }, (_, kibibytes) => kibibytes);
    const started = performance.now();
    const violations: string[] = [];
    for (const kibibytes of torture.sample(sizes, ENOUGH)) {
      if (!hasTimeFrom(started) || violations.length > ENOUGH) break;
      const states = await trial.attempt(verb);
      await disk.leave(kibibytes * 1024);
      const outcome = await stack.run(...states.argv);
      await disk.leave(null);
      const { recovered, violations: found } = await settle(stack, outcome, states);
      figures.full += 1;
      if (recovered) figures.recoveredFromFull += 1;
      violations.push(...found.map((text) => `with ${kibibytes} KiB left: ${text}`));
    }
    expect(violations).toEqual([]);
  });
});
