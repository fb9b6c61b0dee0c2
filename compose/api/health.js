// Healthy means that every server behind the api answers, now. A check that hangs has failed.
import { askQdrant } from './connections.js';
import { within } from './deadline.js';
import { qdrantUrl, version } from './settings.js';

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
  const asked = {
    mongodb: () => mongo.db().command({ ping: 1 }),
    ...(redis && { redis: () => redis.ping() }),
    ...(queue && { rabbitmq: () => queue.check() }),
    ...(qdrantUrl && { qdrant: () => askQdrant('/readyz', AbortSignal.timeout(deadlineMs)) }),
  };
  const answers = Object.entries(asked).map(async ([name, check]) => [name, await outcomeOf(check)]);
  const checks = Object.fromEntries(await Promise.all(answers));
  const healthy = Object.values(checks).every(({ status }) => status === 'ok');
  return { status: healthy ? 'ok' : 'error', version, checks };
}
