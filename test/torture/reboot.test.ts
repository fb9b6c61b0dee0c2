import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, agentSaid, installAgent, untilRecovered } from '../support/agent-unit.ts';
import { servedVersion } from '../support/asking.ts';
import type { Outcome } from '../support/command.ts';
import { expectEnvTag, expectExit } from '../support/expectations.ts';
import { type JournalLine, readJournals } from '../support/journals.ts';
import { openTorture, say } from '../support/torture.ts';
import { versionsIn } from '../support/visitors.ts';
import { expectNewGood, expectOldGood, openWorld, type World } from './faults/world.ts';

const torture = openTorture('reboot');

/** How long after a boot containers that start by themselves have to do so. */
const AFTER_BOOT_MS = 3_000;
const POLL_MS = 5;

type Kind = 'deploy' | 'deploy of a bad version' | 'rollback';
type Cut = 'reboot' | 'power cut';
/** Who recovers after the boot. */
type By = 'a person' | 'the agent';

interface Moment {
  readonly kind: Kind;
  readonly cut: Cut;
  /** The how manieth step of the operation, from 1, has just begun. */
  readonly step: number;
  readonly by: By;
}

const nameOf = ({ kind, cut, step }: Moment): string => `${kind} ${cut} ${step}`;

const KINDS: readonly Kind[] = ['deploy', 'deploy of a bad version', 'rollback'];
/** More than any operation has: where one ends before, so do its moments. */
const MOST_STEPS = 60;
/** In the normal tests every moment is one of these, which each kind has. */
const SHORT_STEPS = 12;

/** What is typed, and the tag that becomes live if all goes well. */
const typed = async (world: World, kind: Kind): Promise<{ readonly argv: readonly string[]; readonly tag: string }> => {
  if (kind === 'deploy') {
    const { tag } = await world.variants.publish();
    return { argv: [tag], tag };
  }
  if (kind === 'deploy of a bad version') {
    const { tag } = await world.variants.publish({ fault: 'spoil' });
    return { argv: [tag], tag };
  }
  const { json } = await world.stack.run('rollback', '--dry-run', '--json');
  return { argv: ['rollback', '--yes'], tag: (json as { readonly subject: string }).subject };
};

const newestJournal = async ({ stack }: World): Promise<readonly JournalLine[]> =>
  (await readJournals(stack.directory, 1)).at(-1)?.lines ?? [];

const stepsIn = (lines: readonly JournalLine[]): number => lines.filter(({ type }) => type === 'intent').length;

/** Resolves to whether there was such a moment: false when the command ended before. */
const reach = async (
  world: World,
  step: number,
  before: string | undefined,
  isOver: () => boolean,
): Promise<boolean> => {
  while (!isOver()) {
    const [newest] = await readJournals(world.stack.directory, 1);
    if (newest !== undefined && newest.operation !== before && stepsIn(newest.lines) >= step) return true;
    await sleep(POLL_MS);
  }
  return false;
};

const has = (lines: readonly JournalLine[], type: JournalLine['type'], step: string): boolean =>
  lines.some((line) => line.type === type && line.step === step);

/** From here to there the firewall kept visitors out; after a boot only the missing restart policies do. */
const isFenced = (lines: readonly JournalLine[]): boolean =>
  has(lines, 'result', 'restart-policy.hold') &&
  !has(lines, 'intent', 'restart-policy.release') &&
  lines.at(-1)?.type !== 'end';

/**
 * Types what a person would. The engine may keep a port for a container that it was starting when the power went
 * (moby/libnetwork#1790): nothing can be started at that port then, and what the error says to do has to help.
 */
const recover = async ({ stack, server }: World): Promise<Outcome> => {
  const first = await stack.run('recover');
  if (!first.stderr.includes('port is already allocated')) return first;
  expectExit(first, 22);
  expect(first.stderr).toContain('hint: see which container has the port: docker ps --filter publish=');
  expect(first.stderr).toContain('sudo systemctl restart docker');
  await server.exec('systemctl', 'restart', 'docker');
  say('torture: reboot: the engine kept a port');
  return stack.run('recover');
};

/** As long as nobody recovers, a boot brings back nothing that visitors could meet while the fence was up. */
const expectKeptOut = async (
  { stack, visits }: World,
  journal: readonly JournalLine[],
  { at, served }: { readonly at: string; readonly served: readonly string[] },
): Promise<void> => {
  await sleep(AFTER_BOOT_MS);
  const mayAnswer = isFenced(journal) ? [] : served;
  expect(
    versionsIn(visits.look()).filter((version) => !mayAnswer.includes(version)),
    at,
  ).toEqual([]);
  if (!isFenced(journal)) return;
  const up = (await stack.containers()).filter(
    ({ service, state }) => state === 'running' && service !== 'mongo' && service !== 'redis',
  );
  expect(
    up.map(({ service }) => service),
    at,
  ).toEqual([]);
};

/** By the agent, which the boot started. Where the engine kept a port, a person has to come after all. */
const recoveredByAgent = async (world: World): Promise<Outcome> => {
  const { stack, server } = world;
  const failure = await untilRecovered(server, stack).then(
    () => null,
    (error: unknown) => error,
  );
  // Its process is in the project's folder, where whoever judges wants nobody.
  await server.exec('systemctl', 'stop', AGENT);
  if (String(failure).includes('port is already allocated')) return recover(world);
  if (failure !== null) throw failure;
  return { code: 0, stdout: '', stderr: await agentSaid(server), json: null };
};

/** Cuts an operation short at a moment, boots, recovers. Resolves to false when the operation ended before. */
const play = async (world: World, { kind, cut, step, by }: Moment): Promise<boolean> => {
  const { stack, server, visits, good } = world;
  await server.exec('systemctl', ...(by === 'the agent' ? ['enable', AGENT] : ['disable', '--now', AGENT]));
  const { argv, tag } = await typed(world, kind);
  const [before] = await readJournals(stack.directory, 1);
  const command = stack.start(...argv);
  let over = false;
  const ended = command.ended.then((outcome) => {
    over = true;
    return outcome;
  });
  const reached = await reach(world, step, before?.operation, () => over);
  if (cut === 'power cut') await server.cutPower();
  else await server.shutDown();
  const outcome = await ended;
  const journal = await newestJournal(world);
  const at = `${kind}, ${cut} at step ${step}, recovered by ${by}: ${journal.at(-1)?.type} ${journal.at(-1)?.step}`;

  const isCommitted = kind !== 'deploy of a bad version' && has(journal, 'result', 'commit');
  const met = versionsIn(visits.look());
  expect(
    met.filter((version) => version !== good.tag && !(isCommitted && version === tag)),
    at,
  ).toEqual([]);

  await server.boot();
  if (by === 'a person') await expectKeptOut(world, journal, { at, served: [good.tag, ...(isCommitted ? [tag] : [])] });

  const recovery = await (by === 'the agent' ? recoveredByAgent(world) : recover(world));
  if (recovery.code !== 0)
    throw new Error(`${at}: recover: exit ${recovery.code}\n${recovery.stderr}\n${outcome.stderr}`);
  const served = await servedVersion(stack.httpPort);
  try {
    if (kind !== 'deploy of a bad version' && served === tag) {
      expect(has(journal, 'intent', 'commit'), 'only what was committed may be finished').toBe(true);
      await expectNewGood(world, tag, recovery);
      await expectEnvTag(stack, tag);
    } else await expectOldGood(world, recovery);
  } catch (error) {
    throw new Error(`${at}\n${recovery.stdout}`, { cause: error });
  }
  expectExit(await stack.run('recover'), 0);
  say(`torture: reboot: ${at}: ${served === tag ? 'new-good' : 'old-good'}`);
  return reached;
};

describe('a server that goes down in the middle', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
    await installAgent(world.server, world.stack.directory);
    // A release to roll back to.
    const { tag } = await world.variants.publish();
    const outcome = await world.stack.run(tag);
    expectExit(outcome, 0);
    await expectNewGood(world, tag, outcome);
  });
  afterAll(() => world?.cleanup());

  const someStep = () => 1 + Math.floor(torture.random() * SHORT_STEPS);
  const short: readonly Moment[] = [
    { kind: 'deploy of a bad version', cut: 'power cut', step: someStep(), by: 'the agent' },
    { kind: torture.random() < 0.5 ? 'deploy' : 'rollback', cut: 'reboot', step: someStep(), by: 'a person' },
  ];

  if (!torture.full) {
    it.each(short)('$kind: $cut at step $step, recovered by $by', async (moment) => {
      await play(world, moment);
    });
  } else {
    for (const kind of KINDS) {
      for (const cut of ['power cut', 'reboot'] as const) {
        it(`${kind}: ${cut} at every step`, async () => {
          for (let step = 1; step <= MOST_STEPS; step += 1) {
            const [moment] = torture.part(
              [{ kind, cut, step, by: torture.random() < 0.5 ? 'a person' : 'the agent' } as const],
              nameOf,
            );
            if (moment !== undefined && !(await play(world, moment))) return;
          }
          throw new Error(`a ${kind} has more than ${MOST_STEPS} steps`);
        });
      }
    }
  }
});
