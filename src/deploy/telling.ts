import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import type { Job, NotifyEvent } from '../config/notifier.ts';
import { type DeployError, messageOf, toDeployError } from '../errors.ts';
import type { News, NewsKind } from '../notify/news.ts';
import { currentUser } from '../operation/operations.ts';
import type { AppOptions } from './app-options.ts';
import type { Recovered } from './results.ts';

interface Facts {
  readonly project: string;
  readonly subject: string;
  /** The tag that was live before. */
  readonly previous: string | null;
  readonly operation: string | null;
}

/** What is being done, for those who are to be told of it. */
export interface Telling {
  /** What is known by now. */
  know(facts: Partial<Facts>): void;
  /** It has begun. Nobody waits until that has been told. */
  begun(): void;
  recovered(all: readonly Recovered[]): void;
  /** Something that is no outcome: told by itself, to who chose that event. */
  found(what: Pick<News, 'state' | 'summary' | 'error'> & { readonly event: NotifyEvent }): void;
}

const toNobody: Telling = { know: () => {}, begun: () => {}, recovered: () => {}, found: () => {} };

export interface About<T> {
  readonly kind: NewsKind;
  /** As far as it is known by now; may be empty. */
  readonly subject: string;
  readonly job?: Job | null | undefined;
  /** What is wrong with a result that is no error. */
  readonly problemOf?: (result: T) => DeployError | null;
}

/** What news have in common, whatever they tell; the rest is not known. */
export const newsBase = ({ config, clock }: Pick<AppOptions, 'config' | 'clock'>) => ({
  ...{ id: randomUUID(), at: clock.now().toISOString(), host: hostname(), who: currentUser() },
  ...{ app: config.app, destination: config.destination },
  // As far as it can be told without asking Compose.
  project: config.compose.projectName ?? basename(config.compose.directory),
  ...{ previous: null, operation: null, exitCode: null, durationMs: null, summary: null, error: null },
});

/**
 * Runs something, and tells whom the configuration names what becomes of it: after it is over, with its outcome durable and its lock
 * given back. Neither what it comes to nor how long it takes depends on them, but for the 10 seconds at most that the last
 * messages may take.
 */
export const telling = async <T>(
  { options }: { readonly options: AppOptions },
  about: About<T>,
  run: (telling: Telling) => Promise<T>,
): Promise<T> => {
  const { config, clock, redactor, log, progress, signal, exitCodeOf } = options;
  const { kind, job = null, problemOf = () => null } = about;
  if (config.notify.length === 0) return run(toNobody);
  const [{ openTeller }, { endEvent, startEvent }] = await Promise.all([
    import('../notify/teller.ts'),
    import('../notify/events.ts'),
  ]);
  const teller = openTeller({ notifiers: config.notify, clock, redactor, log, warn: progress.warn });
  const began = clock.monotonic();
  const runId = randomUUID();
  let facts: Partial<Facts> = {};

  const tell = (what: Pick<News, 'event' | 'state'> & Partial<News>): void => {
    try {
      teller.tell({
        ...newsBase(options),
        ...{ run: runId, job, kind, subject: about.subject },
        ...facts,
        ...what,
      });
    } catch (error) {
      // Whatever that is, it is not what the operation came to.
      progress.warn(`nobody was told of it: ${messageOf(error)}`);
    }
  };
  const tellEnd = (failure: DeployError | null): void => {
    const durationMs = Math.round(clock.monotonic() - began);
    const event = endEvent(kind, failure?.code ?? null);
    if (failure === null) {
      tell({ event, state: 'succeeded', exitCode: 0, durationMs });
    } else {
      const { code, message, hint = null } = failure;
      tell({ event, state: 'failed', exitCode: exitCodeOf(failure), durationMs, error: { code, message, hint } });
    }
  };

  try {
    const result = await run({
      know(more) {
        facts = { ...facts, ...more };
      },
      begun: () => tell({ event: startEvent(kind), state: 'started' }),
      found: (what) => tell({ ...what, job: null }),
      recovered(all) {
        for (const { operation, kind: was, subject, outcome, summary } of all) {
          const state = outcome === 'succeeded' ? 'succeeded' : 'failed';
          tell({ event: 'recovered', job: null, kind: was, state, subject, operation, summary });
        }
      },
    });
    tellEnd(problemOf(result));
    return result;
  } catch (error) {
    tellEnd(toDeployError(error));
    throw error;
  } finally {
    // Ctrl-C has ended the operation; a later one ends the waiting.
    await teller.settle(signal.aborted ? new AbortController().signal : signal);
  }
};
