import { createHash, randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';

/** KALEEM_TORTURE=full runs every case; `short` a part of each suite, chosen by the seed, in bounded time. */
const full = process.env.KALEEM_TORTURE === 'full';

/** A generator of numbers in [0, 1) that the seed decides (mulberry32, public domain). */
const generator = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** One suite's share of chance and time. */
export interface Torture {
  readonly full: boolean;
  /** Give it back as KALEEM_TORTURE_SEED to see the same run again. */
  readonly seed: number;
  random(): number;
  /** `count` of the items, in a random order; all of them in a full run. */
  sample<T>(items: readonly T[], count: number): readonly T[];
  /**
   * Of a full run, the cases that belong to the part that KALEEM_TORTURE_PART names (`2/4`; all of them without it), by what each is called, whatever
   * others there are: a run too long for one sitting is whole once each part was run.
   */
  part<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[];
  /** One of two values: that of a full run, and that of the normal tests. */
  either<T>(inFull: T, inShort: T): T;
}

/** A line for whoever watches; also to the file that KALEEM_TORTURE_LOG names. */
export const say = (line: string): void => {
  console.log(line);
  if (process.env.KALEEM_TORTURE_LOG !== undefined) appendFileSync(process.env.KALEEM_TORTURE_LOG, `${line}\n`);
};

const partOf = (text = '1/1'): { readonly part: number; readonly of: number } => {
  const [part = 0, of = 0] = /^[1-9]\d?\/[1-9]\d?$/.test(text) ? text.split('/').map(Number) : [];
  if (part < 1 || part > of) throw new Error(`KALEEM_TORTURE_PART=${text} is no part, such as 2/4`);
  return { part, of };
};

/** Prints the suite's seed, so that any failure can be run again. */
export const openTorture = (suite: string): Torture => {
  const given = process.env.KALEEM_TORTURE_SEED;
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`KALEEM_TORTURE_SEED=${given} is not a number`);
  const { part, of } = partOf(process.env.KALEEM_TORTURE_PART);
  say(`torture: ${suite}: seed ${seed}${full ? `, full${of === 1 ? '' : `, part ${part} of ${of}`}` : ''}`);
  const random = generator(seed);
  const shuffled = <T>(items: readonly T[]): readonly T[] =>
    items
      .map((item) => ({ item, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  return {
    full,
    seed,
    random,
    sample: (items, count) => (full ? shuffled(items) : shuffled(items).slice(0, count)),
    part: (items, nameOf) =>
      full
        ? items.filter((item) => createHash('sha256').update(nameOf(item)).digest().readUInt32BE() % of === part - 1)
        : items,
    either: (inFull, inShort) => (full ? inFull : inShort),
  };
};
