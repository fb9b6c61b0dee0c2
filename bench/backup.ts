// How fast a dump and a restore are, and how much memory they take. See README.md.
import { parseArgs } from 'node:util';
import { bench } from './bench.ts';
import { measureMemory } from './memory.ts';
import { roundsOf } from './numbers.ts';
import { measureRates } from './rates.ts';
import { bytesOf } from './sizes.ts';

const { values } = parseArgs({
  options: { size: { type: 'string' }, rounds: { type: 'string', default: '1' }, memory: { type: 'string' } },
});
const { size, memory } = values;
// Either, or both; the rates where nothing is said.
const forRates = size ?? (memory === undefined ? '300MB' : null);
await bench(async (all) => {
  if (forRates !== null) await measureRates(all, bytesOf(forRates), roundsOf(values.rounds));
  if (memory !== undefined) await measureMemory(all, bytesOf(memory));
});
