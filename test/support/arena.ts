import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './alive.ts';
import type { Outcome } from './command.ts';
import { removeAll } from './database.ts';
import { expectExit } from './expectations.ts';
import { openVariants } from './image-variant.ts';
import { type Good, goodNow, judge } from './oracle.ts';
import { type OrderBook, openOrderBook } from './order-book.ts';
import { makeStack, type Stack } from './stack.ts';
import { type Hit, readTrace } from './trace.ts';

const ORDERS = { uncounted: ['orders'] };
/** Two good versions with the same migrations, between which everything goes to and fro. */
export const TAGS = ['v0.0.1', 'v0.0.2'] as const;
type Tag = (typeof TAGS)[number];

/** As quick as a stack can be: nothing waits longer than it must, and nothing that a later case needs is pruned. */
const CONFIG = `
stability: 0s
keep_releases: 3
`;
const backupConfig = (beforeDeploy: string): string =>
  `backup: { keep_last: 12, compression: 1, before_deploy: ${beforeDeploy} }\n`;

/** One operation that is killed again and again. */
export interface Victim {
  readonly name: string;
  /** What it is when nothing happens to it. */
  readonly exit: number;
  readonly argv: (arena: Pick<Arena, 'other' | 'bad' | 'chosenBackup'>) => readonly string[];
  /** Where it leads when it succeeds: to the other version, or nowhere. */
  readonly leads: 'to the other' | 'nowhere';
  /** Which data it brings back when it succeeds. */
  readonly restores: 'nothing' | 'that of the other' | 'that of the chosen backup';
}

export const VICTIMS: readonly Victim[] = [
  {
    ...{ name: 'deploy of a good version', exit: 0, leads: 'to the other', restores: 'nothing' },
    argv: ({ other }) => [other()],
  },
  {
    ...{ name: 'deploy of a bad version', exit: 20, leads: 'nowhere', restores: 'nothing' },
    argv: ({ bad }) => [bad],
  },
  {
    ...{ name: 'rollback', exit: 0, leads: 'to the other', restores: 'nothing' },
    argv: ({ other }) => ['rollback', other()],
  },
  {
    ...{ name: 'rollback with the database', exit: 0, leads: 'to the other', restores: 'that of the other' },
    argv: ({ other }) => ['rollback', other(), '--with-database', '--yes'],
  },
  {
    ...{ name: 'backup create', exit: 0, leads: 'nowhere', restores: 'nothing' },
    argv: () => ['backup', 'create'],
  },
  {
    ...{ name: 'backup restore', exit: 0, leads: 'nowhere', restores: 'that of the chosen backup' },
    argv: ({ chosenBackup }) => ['backup', 'restore', chosenBackup(), '--yes'],
  },
];

/** Those that a snapshot of the database's volume is for; the others take a backup, whatever is configured. */
export const BY_SNAPSHOT: readonly Victim[] = VICTIMS.filter(
  ({ name, restores }) => restores === 'nothing' && name !== 'backup create',
);

export const victim = (name: string): Victim => {
  const found = VICTIMS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no victim ${name}`);
  return found;
};

/** What became of one case. */
export interface Ended {
  /** Whether the process died where it should; else the point was not met this time. */
  readonly killed: boolean;
  readonly is: 'old-good' | 'new-good' | 'neither';
  /** Empty: all is well. */
  readonly violations: readonly string[];
}

/** What is done to the victim: it gets these variables, and may be killed from outside. */
export interface Attack {
  readonly failpoints?: string;
  /** Milliseconds after its first sign of life. */
  readonly killAfterMs?: number;
}

export interface Struck {
  readonly outcome: Outcome;
  readonly killed: boolean;
  readonly hits: readonly Hit[];
}

/** One stack for many kills: after each of them and a recovery it is one of two good states, and the next case starts there. */
export interface Arena {
  readonly stack: Stack;
  readonly book: OrderBook;
  /** The version that is not live. */
  other(): Tag;
  /** A version that spoils the database and ends. */
  readonly bad: string;
  chosenBackup(): string;
  /** Runs the victim until it ends or is killed. Nothing is recovered. */
  strike(victim: Victim, attack: Attack): Promise<Struck>;
  /** The same for any command; `recover`, say. */
  strikeCommand(argv: readonly string[], attack: Attack): Promise<Struck>;
  /** Judges what is there, and goes on from it. Call it when the victim has been recovered, or has ended by itself. */
  judge(victim: Victim): Promise<Omit<Ended, 'killed'>>;
  /** Recovers, by `recover` or what is told, and judges. */
  recovered(victim: Victim, recovery?: readonly string[]): Promise<Omit<Ended, 'killed'>>;
  /** strike, recover, judge. */
  kill(victim: Victim, attack: Attack, recovery?: readonly string[]): Promise<Ended>;
  /** Checks every order since the last time, and begins with an empty collection. Resolves to what is wrong. */
  checkOrders(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const KILLED = 137;
/** How long a process that was killed from outside may take to be seen to be gone. */
const GONE_MS = 5_000;

/** The process that carries a traced command out: the one that meets failpoints. */
const pidOf = async (trace: string, ended: Promise<unknown>): Promise<number | null> => {
  let over = false;
  ended.finally(() => {
    over = true;
  });
  for (;;) {
    const { pid } = await readTrace(trace);
    if (pid !== 0) return pid;
    if (over) return null;
    await sleep(20);
  }
};

/** Seconds that a version has to come up: few, since a bad one takes all of them, but more where others keep the machine busy. */
const patience = (): number => {
  const busy = (loadavg()[0] ?? 0) / availableParallelism();
  return Math.round(Math.min(60, Math.max(10, 5 * busy)));
};

export interface ArenaOptions {
  /** How its deploys secure the database; by a backup unless told. */
  readonly beforeDeploy?: 'archive' | 'volume';
}

/** A small stack that went to v0.0.2 and back, with a client that orders 60 times a second through the edge. */
export const openArena = async ({ beforeDeploy = 'archive' }: ArenaOptions = {}): Promise<Arena> => {
  const stack = await makeStack({ checks: 'cheap', variables: { MAX_ATTEMPTS: String(patience()) } });
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-arena-'));
  const book = openOrderBook(stack);
  const variants = openVariants();
  const { tag: bad } = await variants.publish({ fault: 'spoil' });
  let live: Tag = TAGS[0];
  let chosen = '';
  let traces = 0;
  const goods = new Map<Tag, Good>();
  const goodOf = (tag: Tag): Good => {
    const good = goods.get(tag);
    if (good === undefined) throw new Error(`${tag} was never live`);
    return good;
  };
  const other = (): Tag => (live === TAGS[0] ? TAGS[1] : TAGS[0]);

  /** A backup of this very moment, between orders. */
  const chooseBackup = async (): Promise<void> => {
    await book.pause();
    const outcome = await stack.run('backup', 'create', '--json');
    expectExit(outcome, 0);
    chosen = (outcome.json as { readonly id: string }).id;
    book.backedUp(chosen);
    book.resume();
  };

  const strikeCommand: Arena['strikeCommand'] = async (argv, { failpoints = '', killAfterMs }) => {
    traces += 1;
    const trace = join(folder, String(traces));
    const variables = { KALEEM_FAILPOINTS: failpoints, KALEEM_FAILPOINTS_TRACE: trace };
    const started = stack.armed(variables, ...argv);
    let killedPid: number | null = null;
    if (killAfterMs !== undefined) {
      const pid = await pidOf(trace, started.ended);
      if (pid !== null) {
        await Promise.race([sleep(killAfterMs), started.ended]);
        if (isAlive(pid)) {
          process.kill(pid, 'SIGKILL');
          killedPid = pid;
        }
      }
    }
    const outcome = await started.ended;
    const { hits } = await readTrace(trace);
    await rm(trace, { force: true });
    const deadline = performance.now() + GONE_MS;
    while (killedPid !== null && isAlive(killedPid) && performance.now() < deadline) await sleep(10);
    const last = hits.at(-1);
    const metKill = last !== undefined && failpoints.split(';').includes(`${last.name}#${last.hit}=kill`);
    return { outcome, hits, killed: killedPid !== null || metKill || outcome.code === KILLED };
  };

  const strike: Arena['strike'] = async (victim, attack) => {
    if (victim.restores === 'that of the chosen backup') await chooseBackup();
    book.begins();
    return strikeCommand(victim.argv(arena), attack);
  };

  const judgeNow: Arena['judge'] = async (victim) => {
    const [old, next] = [live, other()];
    const leads = victim.leads === 'to the other';
    const found = await judge(stack, { old: goodOf(old), new: leads ? goodOf(next) : null }, ORDERS);
    const switched = found.is === 'new-good';
    if (switched) live = next;
    // Whether a restore that leads nowhere took place shows in the orders alone.
    const restored =
      victim.restores === 'that of the chosen backup'
        ? await book.wasRestoredTo(chosen)
        : switched && victim.restores === 'that of the other';
    const lost =
      found.is === 'neither'
        ? []
        : await book.ended({ switched, old, restored: restored ? (leads ? next : chosen) : null });
    return { is: lost.length > 0 ? 'neither' : found.is, violations: [...found.violations, ...lost] };
  };

  const recovered: Arena['recovered'] = async (victim, recovery = ['recover']) => {
    const { code, stderr } = await stack.run(...recovery);
    const judged = await judgeNow(victim);
    if (code === 0) return judged;
    const said = `${recovery.join(' ')}: exit ${code}: ${stderr.slice(-1500)}`;
    return { is: 'neither', violations: [said, ...judged.violations] };
  };

  const arena: Arena = {
    ...{ stack, book, other, bad, strike, strikeCommand },
    chosenBackup: () => chosen,
    judge: judgeNow,
    recovered,
    async kill(victim, attack, recovery = ['recover']) {
      const { outcome, killed } = await strike(victim, attack);
      if (!killed && outcome.code !== victim.exit) {
        const said = `exit ${outcome.code} without being killed: ${outcome.stderr.slice(-1500)}`;
        return { killed, is: 'neither', violations: [said] };
      }
      return { killed, ...(killed ? await recovered(victim, recovery) : await judgeNow(victim)) };
    },
    async checkOrders() {
      await book.pause();
      const wrong = await book.verify();
      await removeAll(await stack.databaseAddress(), 'orders');
      book.empty();
      book.resume();
      return wrong;
    },
    async close() {
      await book.close();
      await stack.cleanup();
      await variants.cleanup();
      await rm(folder, { recursive: true, force: true });
    },
  };

  try {
    await stack.write('kaleem-deploy.yml', CONFIG + backupConfig(beforeDeploy));
    // Once through both, so that neither has a migration left to run.
    for (const tag of [TAGS[0], TAGS[1], TAGS[0]]) expectExit(await stack.run(tag), 0);
    goods.set(TAGS[0], await goodNow(stack, TAGS[0], ORDERS));
    expectExit(await stack.run(TAGS[1]), 0);
    goods.set(TAGS[1], await goodNow(stack, TAGS[1], ORDERS));
    live = TAGS[1];
    book.resume();
    return arena;
  } catch (error) {
    await arena.close();
    throw error;
  }
};
