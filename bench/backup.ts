// How fast a dump and a restore are, and how much memory they take. See README.md.
import { parseArgs } from 'node:util';
import { bench } from './bench.ts';
import { DATA_SETS } from './documents.ts';
import { measureMemory } from './memory.ts';
import { roundsOf } from './numbers.ts';
import { measureRates } from './rates.ts';
import { bytesOf, wordsOf } from './sizes.ts';

const KNOWN = Object.keys(DATA_SETS) as (keyof typeof DATA_SETS)[];
const { values } = parseArgs({
  options: {
    ...{ size: { type: 'string' }, memory: { type: 'string' } },
    ...{ rounds: { type: 'string', default: '1' }, sets: { type: 'string', default: KNOWN.join() } },
  },
});
const { size, memory } = values;
const sets = wordsOf(values.sets, KNOWN).map((word) => DATA_SETS[word]);
const rounds = roundsOf(values.rounds);
// Either, or both; the rates where nothing is said.
const forRates = size ?? (memory === undefined ? '300MB' : null);
await bench(async (all) => {
  if (forRates !== null) await measureRates(all, { sets, bytes: bytesOf(forRates), rounds });
  if (memory !== undefined) await measureMemory(all, { sets, bytes: bytesOf(memory) });
});
