import type { z } from 'zod';
import type { JOBS } from './notifier.ts';
import { orNone } from './schema-tagged.ts';
import { duration, flag, matching, oneOrMore, strict, wholeNumber } from './schema-values.ts';

/** Whether each is one is seen when it is resolved. */
const times = orNone(
  oneOrMore(
    matching("a schedule in quotes, such as '30 3 * * *'", /^[\w*,/\- \t]{1,200}$/),
    "schedules in quotes, such as '30 3 * * *'",
  ),
).optional();

/** What the agent does by itself, and when. */
export const agent = strict({
  time_zone: matching('a time zone such as Europe/Berlin', /^[A-Za-z][\w+/-]{0,63}$/).optional(),
  jitter: duration('0s', '12h').optional(),
  catch_up: flag.optional(),
  schedules: strict({ backup: times, verify: times, drill: times, prune: times, watch: times } satisfies Record<
    (typeof JOBS)[number],
    typeof times
  >).optional(),
  watch_release: duration('0s', '24h').optional(),
  disk_full: wholeNumber(10, 99).optional(),
});
export type AgentInput = z.output<typeof agent>;
