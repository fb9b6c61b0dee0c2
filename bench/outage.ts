// For how long visitors get nothing while a good and a bad deploy go on, by how large the database is, how it is secured, and
// on which file system it lies. See README.md.
import { parseArgs } from 'node:util';
import { openVariants } from '../test/support/image-variant.ts';
import { bench } from './bench.ts';
import { roundsOf } from './numbers.ts';
import { measurePlace } from './outage-place.ts';
import { DEPLOYS, type Measured, report, WAYS } from './outage-report.ts';
import { bytesOf, wordsOf } from './sizes.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10MB' },
    on: { type: 'string', default: 'ext4,xfs' },
    by: { type: 'string', default: WAYS.join() },
    deploys: { type: 'string', default: DEPLOYS.join() },
    rounds: { type: 'string', default: '1' },
  },
});
const sizes = values.sizes.split(',').map(bytesOf);
const fileSystems = wordsOf(values.on, ['ext4', 'xfs'] as const);
const choice = {
  ...{ ways: wordsOf(values.by, WAYS), deploys: wordsOf(values.deploys, DEPLOYS) },
  rounds: roundsOf(values.rounds),
};

await bench(async (all) => {
  const variants = openVariants();
  all.atEnd(() => variants.cleanup());
  const { tag: badTag } = await variants.publish({ fault: 'spoil' });
  const cells: Measured[] = [];
  // What was measured is told, whatever becomes of the rest.
  all.atEnd(async () => report(cells));
  for (const bytes of sizes) {
    for (const fileSystem of fileSystems) {
      const told = { ...choice, badTag, tell: (cell: Measured) => void cells.push(cell) };
      await all.apart((part) => measurePlace(part, { fileSystem, bytes }, told));
    }
  }
});
