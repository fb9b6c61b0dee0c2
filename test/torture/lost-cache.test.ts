import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settle } from '../support/aftermath.ts';
import { type Lane, type Lanes, openLanes } from '../support/lanes.ts';
import { signalTool } from '../support/processes.ts';
import type { Stack } from '../support/stack.ts';
import { openTorture, say } from '../support/torture.ts';
import { VERBS, type VerbName } from '../support/verbs.ts';

// The project's folder (.env, state, backups) lies on an ext4 of its own. At some moment every process of the tool is
// stopped, the device's backing file copied, the tool killed, and the copy mounted in the place of the original: what no
// fsync had brought to the disk is gone, as after a power cut. The containers go on, as those of another disk would.

const SHORT_MS = 30_000;
/** Per verb, in a full run. */
const MOMENTS = 45;
/** Lines of its journal, about: a moment is so many lines and a little more, however busy the machine is. */
const LINES: Readonly<Record<VerbName, number>> = {
  ...{ 'backup create': 4, deploy: 40, 'bad deploy': 54, rollback: 42, 'backup restore': 36 },
};
/** Beyond 1 the verb has said that it is done, and must not lose anything any more. */
const LATEST = 1.05;
const LITTLE_MS = 150;

const torture = openTorture('lost cache');
const verbs = torture.full ? VERBS : torture.sample(VERBS, 2);

describe('a disk that loses what was not synced', () => {
  let lanes: Lanes;
  const figures = { moments: 0, afterTheEnd: 0, recovered: 0 };

  beforeAll(async () => {
    lanes = await openLanes('lost cache', torture, {});
  });
  afterAll(async () => {
    say(`torture: lost cache: ${JSON.stringify(figures)}`);
    await lanes?.close();
  });

  const operations = (stack: Stack): Promise<readonly string[]> => readdir(join(stack.directory, '.kaleem/operations'));

  /** Waits until the journal of an operation that was not there has so many lines, or `isOver`. */
  const untilLine = async (
    stack: Stack,
    lines: number,
    before: readonly string[],
    isOver: () => boolean,
  ): Promise<void> => {
    while (!isOver()) {
      const id = (await operations(stack)).find((each) => !before.includes(each));
      const path = join(stack.directory, '.kaleem/operations', id ?? 'none', 'journal.jsonl');
      const text = await readFile(path, 'utf8').catch(() => '');
      if (text.split('\n').length > lines) return;
      await sleep(5);
    }
  };

  /** Runs a verb, cuts the power at that fraction of its journal, and says what was wrong then. */
  const cut = async ({ disk, stack, trial }: Lane, verb: VerbName, fraction: number): Promise<readonly string[]> => {
    const states = await trial.attempt(verb);
    const before = await operations(stack);
    const run = stack.start(...states.argv);
    let over = false;
    void run.ended.finally(() => {
      over = true;
    });
    const lines = Math.floor(fraction * LINES[verb]);
    await untilLine(stack, lines, before, () => over);
    await sleep(torture.random() * LITTLE_MS);
    const ended = over;
    await signalTool(stack, 'SIGSTOP');
    await disk.copy();
    await signalTool(stack, 'SIGKILL');
    const outcome = await run.ended;
    await disk.cutPower();
    const { recovered, violations } = await settle(stack, ended ? outcome : { ...outcome, code: 'killed' }, states);
    figures.moments += 1;
    if (ended) figures.afterTheEnd += 1;
    if (recovered) figures.recovered += 1;
    return violations.map((text) => `${verb}, at line ${lines} of its journal: ${text}`);
  };

  it('comes back to the old version or the new one, from any moment', async () => {
    const cases = verbs.flatMap((verb) =>
      Array.from({ length: torture.either(MOMENTS, 4) }, () => ({ verb, fraction: torture.random() * LATEST })),
    );
    const violations = await lanes.play(cases, SHORT_MS, (lane, { verb, fraction }) => cut(lane, verb, fraction));
    expect(violations).toEqual([]);
    expect(figures.moments).toBeGreaterThanOrEqual(torture.either(200, 2));
  });
});
