// Healthy means that every server behind the api answers, now. A check that hangs has failed.
import { askQdrant } from './connections.js';
import { within } from './deadline.js';
import { version } from './settings.js';

const deadlineMs = 2000;

async function outcomeOf(check) {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  try {
    await within(deadlineMs, check());
    return { status: 'ok', ms: elapsed() };
  } catch (error) {
    return { status: 'error', ms: elapsed(), message: error.message };
  }
}

/** @returns {Promise<{ status: 'ok' | 'error', version: string, checks: Record<string, object> }>} */
export async function healthOf({ mongo, redis, queue }) {
  const [mongodb, redisAnswer, rabbitmq, qdrant] = await Promise.all([
    outcomeOf(() => mongo.db().command({ ping: 1 })),
    outcomeOf(() => redis.ping()),
    outcomeOf(() => queue.check()),
    outcomeOf(() => askQdrant('/readyz', AbortSignal.timeout(deadlineMs))),
  ]);
  const checks = { mongodb, redis: redisAnswer, rabbitmq, qdrant };
  const healthy = Object.values(checks).every(({ status }) => status === 'ok');
  return { status: healthy ? 'ok' : 'error', version, checks };
}
