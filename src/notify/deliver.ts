import type { NotifierTarget } from '../config/notifier.ts';
import type { Clock } from '../system/clock.ts';
import { around } from '../system/failpoints/around.ts';
import type { Redactor } from '../system/redact.ts';
import { spread } from '../system/spread.ts';
import { postOf } from './forms.ts';
import { sendMail } from './mail.ts';
import type { News } from './news.ts';
import { post } from './post.ts';
import { Undelivered } from './undelivered.ts';
import { wordsOf } from './words.ts';

/** How long one message may take with all its tries, and one try of it. */
export interface Limits {
  readonly messageMs: number;
  readonly tryMs: number;
}

export const LIMITS: Limits = { messageMs: 10_000, tryMs: 5_000 };

const TRIES = 3;
const FIRST_PAUSE_MS = 400;

export interface DeliverWorld {
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly limits: Limits;
}

const tryOnce = async (
  target: NotifierTarget,
  news: News,
  { clock, redactor, limits }: DeliverWorld,
  whole: AbortSignal,
): Promise<void> => {
  const alone = AbortSignal.timeout(limits.tryMs);
  const signal = AbortSignal.any([whole, alone]);
  try {
    await around('notify.send', async () => {
      if (target.type === 'email') return sendMail(target, wordsOf(news), signal);
      return post(postOf(target, news, clock.now()), { signal, redact: redactor.redact });
    });
  } catch (error) {
    whole.throwIfAborted();
    if (!alone.aborted) throw error;
    throw new Undelivered(`no answer within ${limits.tryMs / 1000} s`, { heals: true });
  }
};

/**
 * Sends news, which are presentable, to where they go; tries again what may heal, as long as there is time. It may arrive more than
 * once: an answer that was lost looks like a message that was.
 *
 * @param signal ends it at once
 * @throws Undelivered with what the last try came to; the signal's reason when it is aborted
 */
export const deliver = async (
  target: NotifierTarget,
  news: News,
  signal: AbortSignal,
  world: DeliverWorld,
): Promise<void> => {
  const { clock, limits } = world;
  const began = performance.now();
  const over = AbortSignal.timeout(limits.messageMs);
  const whole = AbortSignal.any([signal, over]);
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryOnce(target, news, world, whole);
    } catch (error) {
      signal.throwIfAborted();
      if (over.aborted) throw new Undelivered(`not within ${limits.messageMs / 1000} s`, { heals: false });
      if (!(error instanceof Undelivered) || !error.heals || tries === TRIES) throw error;
      const pause = Math.max(error.retryAfterMs, spread(FIRST_PAUSE_MS * 2 ** (tries - 1)));
      if (performance.now() - began + pause > limits.messageMs) throw error;
      await clock.sleep(pause, signal);
    }
  }
};
