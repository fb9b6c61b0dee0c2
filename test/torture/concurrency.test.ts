import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../support/command.ts';
import { expectEnvTag, expectExit, expectServes } from '../support/expectations.ts';
import { type FoundJournal, readJournals } from '../support/journals.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture } from '../support/torture.ts';

const torture = openTorture('concurrency');
const ROUNDS = torture.either(200, 4);
const TAGS = ['v0.0.2', 'v0.0.5'] as const;

/** One command of a round. */
interface Contender {
  readonly argv: readonly string[];
  /** Waits for its turn instead of being turned away. */
  readonly waits: boolean;
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(torture.random() * items.length)] as T;

const contender = (argv: readonly string[]): Contender => {
  const waits = torture.random() < 0.25;
  return { argv: waits ? [...argv, '--lock-wait', '120'] : argv, waits };
};

/** Two deploys and a backup; deploys of what is live already are quick, and so meet the others more often at the lock. */
const makeRound = (): readonly Contender[] =>
  [[pick(TAGS)], [pick(TAGS)], ['backup', 'create']].map((argv) => contender(argv));

/** When an operation held the project: from its journal's first line to its last. */
const spanOf = ({ operation, lines }: FoundJournal) => {
  const last = lines.at(-1);
  expect(last?.type, `${operation} has ended`).toBe('end');
  return { operation, outcome: last?.step, from: Date.parse(lines[0]?.at ?? ''), to: Date.parse(last?.at ?? '') };
};

describe('two deploys and a backup at the same moment', () => {
  let stack: Stack;
  let live = 'v0.0.2';

  beforeAll(async () => {
    stack = await makeStack();
    await stack.write('kaleem-deploy.yml', 'stability: 200ms\nbackup: {keep_last: 3}\n');
    expectExit(await stack.run('v0.0.1'), 0);
    // v0.0.2 migrates; after it the two tags take turns.
    expectExit(await stack.run('v0.0.2'), 0);
  });
  afterAll(() => stack?.cleanup());

  const expectTurnedAway = (outcome: Outcome, pid: number): void => {
    expect(outcome.stderr).toMatch(/is locked by (?:deploy|backup)[^,]*, by \S+@\S+, since \S+ \(process \d+\)/);
    expect(outcome.stderr).not.toContain(`(process ${pid})`);
    expect(outcome.stderr).toContain('--lock-wait');
  };

  const playRound = async (round: number): Promise<void> => {
    const before = (await readJournals(stack.directory)).length;
    const contenders = makeRound();
    const started = contenders.map((each) => ({ ...each, command: stack.start(...each.argv) }));
    const ended = await Promise.all(started.map(async (each) => ({ ...each, outcome: await each.command.ended })));
    const said = `round ${round}: ${ended.map(({ argv, outcome }) => `${argv.join(' ')} -> ${outcome.code}`).join('; ')}`;
    for (const { outcome, waits, command } of ended) {
      if (waits) expectExit(outcome, 0);
      else if (outcome.code === 11) expectTurnedAway(outcome, command.pid);
      else expectExit(outcome, 0);
    }
    const winners = ended.filter(({ outcome }) => outcome.code === 0).length;
    expect(winners, said).toBeGreaterThan(0);

    // Whoever was turned away left nothing; the others came one after the other.
    const spans = (await readJournals(stack.directory)).slice(before).map(spanOf);
    expect(
      spans.map(({ outcome }) => outcome),
      said,
    ).toEqual(Array(winners).fill('succeeded'));
    for (const [index, { from }] of spans.entries()) {
      if (index > 0) expect(from, said).toBeGreaterThanOrEqual(spans[index - 1]?.to ?? 0);
    }
    const history = (await stack.run('history', '-n', String(winners), '--json')).json as readonly {
      readonly kind: string;
      readonly subject: string;
    }[];
    live = history.find(({ kind }) => kind === 'deploy')?.subject ?? live;
    expect((await stack.run('status', '--json')).json, said).toMatchObject({ fence: null, unfinished: null });
    expect((await stack.run('lock', 'status', '--json')).json, said).toMatchObject({ held: false });
    await expectServes(stack, live);
    await expectEnvTag(stack, live);
  };

  it(`has one holder at a time, and leaves nothing half done, ${ROUNDS} times`, async () => {
    for (let round = 1; round <= ROUNDS; round += 1) await playRound(round);
    const backups = (await stack.run('backup', 'list', '--json')).json as readonly { readonly id: string }[];
    expect(backups.length).toBeGreaterThan(0);
    for (const { id } of backups) expectExit(await stack.run('backup', 'verify', id), 0);
  });
});
