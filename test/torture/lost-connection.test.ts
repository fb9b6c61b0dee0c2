import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settle } from '../support/aftermath.ts';
import type { Outcome } from '../support/command.ts';
import { expectExit, lastOperation } from '../support/expectations.ts';
import { type Laptop, openLaptop } from '../support/laptop.ts';
import { processesOf } from '../support/oracle/processes.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { openTorture, say } from '../support/torture.ts';
import { openTrial, type Trial, type VerbName } from '../support/verbs.ts';

// What is asked for with --host loses its connection at some moment between the first word to sshd and the last line: it
// goes on there without the laptop, and the laptop, connected again, ends with what became of it.

const torture = openTorture('lost connection');
/** In full, each verb in each manner twice. */
const CASES = torture.either(24, 4);
const VERBS = ['deploy', 'bad deploy', 'rollback'] as const satisfies readonly VerbName[];
const MANNERS = ['is cut', 'is cut twice', 'is cut while sshd is away', 'is lost with the laptop'] as const;
/** Of the time an operation takes, so that some are over meanwhile. */
const LONGEST_AWAY = 1.5;

interface Case {
  readonly verb: (typeof VERBS)[number];
  readonly manner: (typeof MANNERS)[number];
  /** Of the time that the verb takes by itself. */
  readonly share: number;
  readonly away: number;
}

/** Moments spread over the whole time, each verb and each manner as often as the others. */
const cases: readonly Case[] = Array.from({ length: CASES }, (_, at) => ({
  verb: VERBS[at % VERBS.length] ?? 'deploy',
  manner: MANNERS[Math.floor(at / VERBS.length) % MANNERS.length] ?? 'is cut',
  share: (at + torture.random()) / CASES,
  away: torture.random() * LONGEST_AWAY,
}));

let stack: Stack;
let trial: Trial;
let laptop: Laptop;

beforeAll(async () => {
  stack = await makeStack({ checks: 'cheap', variables: { MAX_ATTEMPTS: '20' } });
  await stack.write('kaleem-deploy.yml', 'stability: 0s\n');
  trial = await openTrial(stack);
  laptop = await openLaptop(stack);
});
afterAll(async () => {
  await laptop?.close();
  await trial?.cleanup();
});

/** Nothing is left of it there: what was typed may only be beginning when the laptop is gone. */
const quiet = async (): Promise<void> => {
  while ((await processesOf({ texts: [stack.directory], markers: [] })).length > 0) await sleep(200);
};

/** Milliseconds that the verb takes over SSH when nothing happens to it. */
const timeOf = async (verb: VerbName): Promise<number> => {
  const { argv, exitCode } = await trial.attempt(verb);
  const started = performance.now();
  expectExit(await laptop.typed(...argv, '-v').ended, exitCode);
  return performance.now() - started;
};

/** How the command on the laptop ended; null: it was killed. */
const lose = async (
  argv: readonly string[],
  { manner }: Case,
  atMs: number,
  awayMs: number,
): Promise<Outcome | null> => {
  const { sshd } = laptop;
  const typed = laptop.typed(...argv, '-v');
  const lost = (): Promise<void> =>
    Promise.race([typed.said(/the connection to prod was lost/), typed.ended]).then(
      () => {},
      () => {},
    );
  await sleep(atMs);
  if (manner === 'is lost with the laptop') {
    typed.signal('SIGKILL');
    await typed.ended;
    return null;
  }
  await sshd.cutConnections();
  if (manner === 'is cut twice') {
    await lost();
    await sleep(awayMs);
    await sshd.cutConnections();
  }
  if (manner === 'is cut while sshd is away') {
    await sshd.stopListening();
    await lost();
    await sleep(awayMs);
    await sshd.listenAgain();
  }
  return typed.ended;
};

it('ends well without the laptop, which ends with what became of it', async () => {
  const times = new Map<VerbName, number>();
  const violations: string[] = [];
  let [reattached, before] = [0, 0];
  for (const each of cases) {
    const { verb, manner, share, away } = each;
    const time = times.get(verb) ?? (await timeOf(verb));
    times.set(verb, time);
    const attempt = await trial.attempt(verb);
    const last = await lastOperation(stack);
    const outcome = await lose(attempt.argv, each, share * time, away * time);
    await quiet();
    const name = `${verb}, whose connection ${manner} after ${Math.round(share * time)} of ${Math.round(time)} ms`;
    const newest = await lastOperation(stack);
    const begun = newest.id !== last.id;
    // Exit 40 is the laptop's own: it says nothing of what is there.
    const ending = outcome === null || outcome.code === 40 ? ({ code: 'killed', stderr: '' } as const) : outcome;
    const found = await settle(stack, ending, attempt);
    const wrong = [...found.violations];
    if (Number(newest.id.slice(0, 6)) > Number(last.id.slice(0, 6)) + 1) wrong.push('it was done twice');
    if (begun && newest.exitCode !== attempt.exitCode) wrong.push(`it ended with ${newest.exitCode} there`);
    if (outcome === null || outcome.code === attempt.exitCode) {
      if (outcome !== null && !begun) wrong.push(`exit ${outcome.code}, and nothing was done`);
    } else if (outcome.code !== 40 || begun) wrong.push(`exit ${outcome.code}: ${outcome.stderr.slice(-600)}`);
    if (outcome?.stderr.includes('connected to prod again')) reattached += 1;
    if (!begun) before += 1;
    for (const text of wrong) violations.push(`${name}: ${text}`);
    say(
      `torture: lost connection: ${name}: ${outcome === null ? 'killed' : outcome.code}, ${begun ? newest.id : 'never begun'}${wrong.length === 0 ? '' : ': VIOLATION'}`,
    );
  }
  say(`torture: lost connection: ${cases.length} cases, ${reattached} attached again, ${before} before anything began`);
  expect(violations).toEqual([]);
  expect(reattached).toBeGreaterThan(0);
});
