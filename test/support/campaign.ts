import { type Arena, type ArenaOptions, type Ended, openArena } from './arena.ts';
import { say as sayLine } from './torture.ts';

/** One case that has been played. */
export interface Played extends Ended {
  readonly name: string;
}

/** Many cases, played on one stack or on two at a time. A stack that was left in no good state is replaced. */
export interface Campaign {
  /** Plays each item, in order and on whichever stack is free; after `withinMs` no further one begins. */
  each<T>(items: readonly T[], play: (arena: Arena, item: T) => Promise<Played>, withinMs?: number): Promise<void>;
  say(text: string): void;
  kills(): number;
  /** What went wrong, with the case's name. */
  violations(): readonly string[];
  /** Counts the last orders and removes the stacks. */
  close(): Promise<void>;
}

/** So many cases, and the orders are counted in full and cleared away: a database that only grows makes every case slower. */
const CASES_PER_COUNT = 20;

const messageOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

export const openCampaign = async (
  name: string,
  options: { readonly arenas: number } & ArenaOptions,
): Promise<Campaign> => {
  const violations: string[] = [];
  const started = performance.now();
  let [played, kills, orders] = [0, 0, 0];

  const say = (text: string): void => {
    sayLine(`torture: ${name}: ${((performance.now() - started) / 1000).toFixed(0)} s: ${text}`);
  };
  const blame = (what: string, found: readonly string[]): void => {
    for (const each of found) violations.push(`${what}: ${each}`);
    for (const each of found) say(`VIOLATION: ${what}: ${each}`);
  };

  // One after the other: a first deploy on a machine that is busy with another one takes longer than two in turns.
  const arenas: (Arena | null)[] = [];
  for (let at = 0; at < options.arenas; at += 1) arenas.push(await openArena(options));

  const count = async (arena: Arena): Promise<boolean> => {
    const wrong = await arena.checkOrders();
    blame('all orders', wrong);
    return wrong.length === 0;
  };
  const replace = async (at: number): Promise<void> => {
    const arena = arenas[at];
    arenas[at] = null;
    if (arena != null) {
      orders += arena.book.acknowledged();
      await arena.close();
    }
    arenas[at] = await openArena(options);
  };

  const playOn = async <T>(
    at: number,
    next: () => { item: T } | null,
    play: (arena: Arena, item: T) => Promise<Played>,
  ) => {
    let sinceCount = 0;
    for (let turn = next(); turn !== null; turn = next()) {
      const arena = arenas[at];
      if (arena == null) return;
      const began = performance.now();
      const result = await play(arena, turn.item).catch(
        (error: unknown): Played => ({
          ...{ name: JSON.stringify(turn?.item), killed: false, is: 'neither', violations: [messageOf(error)] },
        }),
      );
      played += 1;
      if (result.killed) kills += 1;
      say(
        `${played}. ${result.name}: ${result.killed ? result.is : `not met, ${result.is}`} (${((performance.now() - began) / 1000).toFixed(1)} s)`,
      );
      blame(result.name, result.violations);
      sinceCount += 1;
      let well = result.is !== 'neither';
      if (well && sinceCount % CASES_PER_COUNT === 0) well = await count(arena);
      if (!well) await replace(at);
    }
  };

  return {
    say,
    async each(items, play, withinMs = Number.POSITIVE_INFINITY) {
      const deadline = performance.now() + withinMs;
      const left = [...items];
      const next = () => {
        if (performance.now() > deadline) return null;
        const item = left.shift();
        return item === undefined ? null : { item };
      };
      await Promise.all(arenas.map((_, at) => playOn(at, next, play)));
      if (left.length > 0) say(`${left.length} of ${items.length} cases did not fit into the time`);
    },
    kills: () => kills,
    violations: () => violations,
    async close() {
      for (const arena of arenas) {
        if (arena === null) continue;
        await count(arena).catch((error: unknown) => blame('the last count', [messageOf(error)]));
        orders += arena.book.acknowledged();
        await arena.close();
      }
      say(`${played} cases, ${kills} kills, ${violations.length} violations, ${orders} orders acknowledged`);
    },
  };
};
