import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from './command.ts';
import type { Stack } from './stack.ts';

/** One time that a failpoint was met. */
export interface Hit {
  readonly name: string;
  readonly hit: number;
}

export const pointOf = ({ name, hit }: Hit): string => `${name}#${hit}`;

/** The hits of a traced command, in order: those of the process that met the most, for others only follow it. */
export const readTrace = async (path: string): Promise<{ readonly pid: number; readonly hits: readonly Hit[] }> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  const byPid = new Map<number, Hit[]>();
  for (const line of text.split('\n')) {
    const [, pid, name, hit] = /^(\d+) (\S+)#(\d+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const hits = byPid.get(Number(pid)) ?? [];
    hits.push({ name, hit: Number(hit) });
    byPid.set(Number(pid), hits);
  }
  const [pid, hits] = [...byPid].sort(([, a], [, b]) => b.length - a.length)[0] ?? [0, []];
  return { pid, hits };
};

/** Nothing happens between what ends so and what came before it but thinking and looking. */
const BEGINS = /\.(?:before|intent|run)$/;
/** Nor between two of these. */
const ENDS = /\.(?:after|result|removed)$/;

/**
 * Puts hits together between which nothing durable or external happens: killing at one of them is killing at all of them.
 * (`effect.x.intent` and `effect.x.run` have the writing of the journal's line between them, which has points of its own.)
 */
export const instantsOf = (hits: readonly Hit[]): readonly (readonly Hit[])[] => {
  const instants: Hit[][] = [];
  for (const [at, hit] of hits.entries()) {
    const before = hits[at - 1];
    const isSame = before !== undefined && (BEGINS.test(hit.name) || (ENDS.test(before.name) && ENDS.test(hit.name)));
    if (isSame) instants.at(-1)?.push(hit);
    else instants.push([hit]);
  }
  return instants;
};

/**
 * The hits to kill at so that every failpoint has its turn: each name's first, last and one in between that chance decides,
 * less those at the same instant as one that is chosen already. In the order of the trace.
 */
export const chooseHits = (hits: readonly Hit[], random: () => number): readonly Hit[] => {
  const byName = new Map<string, Hit[]>();
  for (const hit of hits) byName.set(hit.name, [...(byName.get(hit.name) ?? []), hit]);
  const wanted = new Set<Hit>();
  for (const all of byName.values()) {
    const middle = all[1 + Math.floor(random() * (all.length - 2))];
    for (const hit of [all[0], all.length > 2 ? middle : undefined, all.at(-1)]) if (hit !== undefined) wanted.add(hit);
  }
  return instantsOf(hits).flatMap((instant) => instant.filter((hit) => wanted.has(hit)).slice(0, 1));
};

/** Runs the tool with nothing armed, and tells what it met. */
export const runTraced = async (
  stack: Stack,
  ...argv: readonly string[]
): Promise<{ readonly outcome: Outcome; readonly hits: readonly Hit[] }> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-trace-'));
  try {
    const path = join(folder, 'trace');
    const outcome = await stack.armed({ KALEEM_FAILPOINTS_TRACE: path }, ...argv).ended;
    return { outcome, hits: (await readTrace(path)).hits };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
