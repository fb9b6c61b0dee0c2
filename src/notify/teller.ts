import type { Notifier, NotifierTarget } from '../config/notifier.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../system/log.ts';
import { type DeliverWorld, deliver, LIMITS } from './deliver.ts';
import { type News, presentable } from './news.ts';

/** How long the end of an operation may wait for what is still being sent, in all. */
const SETTLE_MS = 10_000;

export interface TellerOptions extends Omit<DeliverWorld, 'limits'> {
  readonly notifiers: readonly Notifier[];
  readonly log: Log;
  /** For a person: somebody was not told. */
  readonly warn: (text: string) => void;
}

/** Tells news to those who want them. Neither method ever rejects. */
export interface Teller {
  /** Begins to send, and comes back at once. To each notifier news go one after the other. */
  tell(news: News): void;
  /** Waits until all is sent, 10 seconds at most, or until the signal is aborted; what is left then is given up. */
  settle(signal: AbortSignal): Promise<void>;
}

/** Pings go to who waits for the job, messages to who chose the event. */
export const wants = ({ events, target }: Pick<Notifier, 'events' | 'target'>, { event, job }: News): boolean => {
  if (target?.type === 'healthchecks') return job !== null && target.jobs.includes(job);
  return event !== null && event !== 'test' && events.includes(event);
};

interface Channel {
  readonly notifier: Notifier;
  readonly target: NotifierTarget;
  /** What is under way; never rejects. */
  last: Promise<void>;
}

/** Resolves after so long, or when the signal is aborted. */
const untilEither = (ms: number, signal: AbortSignal): { readonly over: Promise<void>; readonly end: () => void } => {
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  return { over, end };
};

export const openTeller = ({ notifiers, clock, redactor, log, warn }: TellerOptions): Teller => {
  const closing = new AbortController();
  const channels = notifiers.flatMap((notifier): readonly Channel[] =>
    // One without a target was warned of with the configuration.
    notifier.target === null ? [] : [{ notifier, target: notifier.target, last: Promise.resolve() }],
  );

  const send = async ({ notifier, target }: Channel, news: News): Promise<void> => {
    const { name, type } = notifier;
    const about = news.event ?? `${news.job} ${news.state}`;
    try {
      await deliver(target, news, closing.signal, { clock, redactor, limits: LIMITS });
      log.info('notified', { notifier: name, type, about, id: news.id });
    } catch (error) {
      const why = closing.signal.aborted ? 'there was no more time' : messageOf(error);
      log.warn('not notified', { notifier: name, type, about, id: news.id, why });
      warn(`${name} (${type}) was not told "${about}": ${why}`);
    }
  };

  return {
    tell(news) {
      const safe = presentable(news, redactor);
      for (const channel of channels.filter(({ notifier }) => wants(notifier, safe))) {
        channel.last = channel.last.then(() => send(channel, safe));
      }
    },
    async settle(signal) {
      const { over, end } = untilEither(SETTLE_MS, signal);
      const all = Promise.all(channels.map(({ last }) => last)).then(() => {});
      await Promise.race([all, over]);
      end();
      closing.abort();
      // What was given up ends at once, and says so.
      await all;
    },
  };
};
