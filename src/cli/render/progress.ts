import type { Clock } from '../../system/clock.ts';
import type { GlobalOptions } from '../global-options.ts';
import type { Io } from '../io.ts';
import type { Output } from '../output.ts';
import { painter } from './paint.ts';
import { liveEvents } from './progress-live.ts';
import { plainEvents, quietEvents } from './progress-plain.ts';
import type { StepEvents } from './steps.ts';

/** Which renderer: quiet for --quiet and --json, live on a terminal that can move its cursor, plain lines elsewhere. */
export const createStepEvents = (io: Io, output: Output, clock: Clock, options: GlobalOptions): StepEvents => {
  const paint = painter(io.stderr, io.env);
  if (options.verbose) return plainEvents({ output, clock, paint, verbose: true });
  if (options.quiet || options.json) return quietEvents({ output, paint });
  const live = io.stderr.isTTY === true && io.env.TERM !== 'dumb';
  return live
    ? liveEvents({ output, clock, paint, columns: () => io.stderr.columns || 80 })
    : plainEvents({ output, clock, paint, verbose: false });
};
