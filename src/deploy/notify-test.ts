import { randomUUID } from 'node:crypto';
import type { Notifier } from '../config/notifier.ts';
import { DeployError, messageOf } from '../errors.ts';
import { deliver, LIMITS } from '../notify/deliver.ts';
import { type News, presentable } from '../notify/news.ts';
import type { Session } from './operate.ts';
import { newsBase } from './telling.ts';

/** What became of a test message. */
interface NotifyTest {
  readonly name: string;
  readonly type: Notifier['type'];
  /** Why it did not arrive; null: the other side took it. */
  readonly problem: string | null;
  readonly elapsedMs: number;
}

export interface NotifyTestReport {
  readonly ok: boolean;
  readonly notifiers: readonly NotifyTest[];
}

const chosen = (notifiers: readonly Notifier[], name: string | null): readonly Notifier[] => {
  if (notifiers.length === 0) {
    throw new DeployError('not-found', 'nobody is to be told of anything', {
      hint: 'name somebody under `notify:` in kaleem-deploy.yml: docs/configuration.md',
    });
  }
  const found = notifiers.filter((each) => name === null || each.name === name);
  if (found.length > 0) return found;
  throw new DeployError('not-found', `no notifier is called ${name}`, {
    hint: `there are: ${notifiers.map((each) => each.name).join(', ')}`,
  });
};

/** Sends a test message to each of them, side by side. */
export const notifyTest = async ({ options }: Session, name: string | null): Promise<NotifyTestReport> => {
  const { config, clock, redactor, progress, signal, log } = options;
  const news: News = presentable(
    {
      ...newsBase(options),
      ...{ run: randomUUID(), event: 'test', job: null, state: 'succeeded', kind: 'test', subject: '' },
    },
    redactor,
  );

  const test = async ({ name: called, type, target, problem }: Notifier): Promise<NotifyTest> => {
    const began = clock.monotonic();
    const tried = (why: string | null): NotifyTest => ({
      ...{ name: called, type, problem: why === null ? null : redactor.redact(why) },
      elapsedMs: Math.round(clock.monotonic() - began),
    });
    if (target === null) return tried(problem);
    try {
      await progress.step(`tell ${called}`, () => deliver(target, news, signal, { clock, redactor, limits: LIMITS }));
      return tried(null);
    } catch (error) {
      signal.throwIfAborted();
      log.warn('not notified', { notifier: called, type, error: messageOf(error) });
      return tried(messageOf(error));
    }
  };

  const notifiers = await Promise.all(chosen(config.notify, name).map(test));
  return { ok: notifiers.every(({ problem }) => problem === null), notifiers };
};
