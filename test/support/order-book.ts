import { readNumbers } from './database.ts';
import { type OrderClient, startOrderClient } from './order-client.ts';
import type { Stack } from './stack.ts';

const PER_SECOND = 60;
const RANGE = 50_000;

/**
 * Which orders must be in the database, exactly once each: all that were acknowledged, but for those that somebody asked to
 * go back behind (a restore of older data), whose copy lies aside.
 */
export interface OrderBook {
  resume(): void;
  /** Waits for the answers that are under way. */
  pause(): Promise<void>;
  /** An operation begins now. */
  begins(): void;
  /** This backup holds what is promised now. Call it while paused. */
  backedUp(backup: string): void;
  /** Whether the database was put back to this backup: orders between it and the last operation are gone, all of them. */
  wasRestoredTo(backup: string): Promise<boolean>;
  /**
   * The operation is over. `old`: what was live, whose data was kept when it was switched from; `restored`: the release or
   * backup whose data is live now. Resolves to what is wrong with the orders.
   */
  ended(facts: {
    readonly switched: boolean;
    readonly old: string;
    readonly restored: string | null;
  }): Promise<readonly string[]>;
  /** What is wrong with all of them. */
  verify(): Promise<readonly string[]>;
  /** The collection was emptied, while paused. */
  empty(): void;
  /** Acknowledged since it was opened. */
  acknowledged(): number;
  close(): Promise<void>;
}

interface Promised {
  readonly number: number;
  readonly at: number;
}

/** Orders before and after the longest silence from `since` on: the time behind the fence. */
const aroundOutage = (orders: readonly Promised[], since: number) => {
  let [longest, end] = [0, since];
  let last = since;
  for (const { at } of orders.filter((each) => each.at >= since)) {
    if (at - last > longest) [longest, end] = [at - last, at];
    last = at;
  }
  if (performance.now() - last > longest) end = Number.POSITIVE_INFINITY;
  return { before: orders.filter(({ at }) => at < end), after: orders.filter(({ at }) => at >= end) };
};

const listed = (numbers: readonly number[]): string =>
  `${numbers.slice(0, 5).join(', ')}${numbers.length > 5 ? ` and ${numbers.length - 5} more` : ''}`;

export const openOrderBook = (stack: Stack): OrderBook => {
  let client: OrderClient | null = null;
  /** Of the client that runs, how many are in the book already. */
  let taken = 0;
  let nextRange = 1;
  let promised: Promised[] = [];
  let since = 0;
  let total = 0;
  const kept = new Map<string, readonly Promised[]>();

  const take = (): void => {
    if (client === null) return;
    const { acknowledged, acknowledgedAt } = client.peek();
    for (let at = taken; at < acknowledged.length; at += 1) {
      promised.push({ number: acknowledged[at] ?? 0, at: acknowledgedAt[at] ?? 0 });
    }
    total += acknowledged.length - taken;
    taken = acknowledged.length;
  };
  const resume = (): void => {
    client ??= startOrderClient({
      ...{ url: `http://127.0.0.1:${stack.httpPort}/api/orders`, keepAlive: true, ratePerSecond: PER_SECOND },
      ...{ firstNumber: nextRange * RANGE, timeoutMs: 5_000 },
    });
    nextRange += 1;
  };
  const pause = async (): Promise<void> => {
    await client?.stop();
    take();
    client = null;
    taken = 0;
  };
  const stored = async (): Promise<ReadonlyMap<number, number>> => {
    const found = new Map<number, number>();
    for (const number of await readNumbers(await stack.databaseAddress(), 'orders')) {
      found.set(number, (found.get(number) ?? 0) + 1);
    }
    return found;
  };
  const wrongWith = async (orders: readonly Promised[]): Promise<readonly string[]> => {
    const found = await stored();
    const missing = orders.filter(({ number }) => !found.has(number)).map(({ number }) => number);
    const doubled = [...found].filter(([, count]) => count > 1).map(([number]) => number);
    const alien = [...found.keys()].filter((number) => number < RANGE);
    return [
      ...(missing.length > 0 ? [`orders: ${missing.length} of ${orders.length} are missing: ${listed(missing)}`] : []),
      ...(doubled.length > 0 ? [`orders: ${doubled.length} are there more than once: ${listed(doubled)}`] : []),
      ...(alien.length > 0 ? [`orders: ${alien.length} that nobody sent: ${listed(alien)}`] : []),
    ];
  };
  const now = (): readonly Promised[] => {
    take();
    return [...promised];
  };

  return {
    ...{ resume, pause },
    begins: () => {
      since = performance.now();
    },
    backedUp: (backup) => {
      kept.set(backup, now());
    },
    async wasRestoredTo(backup) {
      const inBackup = new Set((kept.get(backup) ?? []).map(({ number }) => number));
      const { before } = aroundOutage(now(), since);
      const younger = before.filter(({ number }) => !inBackup.has(number));
      const found = await stored();
      return younger.length > 0 && younger.every(({ number }) => !found.has(number));
    },
    async ended({ switched, old, restored }) {
      const { before, after } = aroundOutage(now(), since);
      if (switched) kept.set(old, before);
      if (restored !== null) promised = [...(kept.get(restored) ?? []), ...after];
      return wrongWith(now());
    },
    verify: () => wrongWith(now()),
    empty: () => {
      promised = [];
    },
    acknowledged: () => {
      take();
      return total;
    },
    close: pause,
  };
};
