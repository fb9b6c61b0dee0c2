import type { News } from '../../../src/notify/news.ts';

/** News of a deploy that was rolled back. */
export const newsOf = (overrides: Partial<News> = {}): News => ({
  ...{ id: '0b7e3f5a-7a53-4c1a-9a5e-0c0f0e1d2c3b', run: '7d1f2c9e-2f64-4d0b-8c55-1a2b3c4d5e6f' },
  ...{ event: 'rolled-back', job: null, state: 'failed', at: '2026-03-01T12:00:00.000Z' },
  ...{ app: null, project: 'kaleem', destination: 'staging', host: 'vps1', who: 'root@vps1' },
  ...{ kind: 'deploy', subject: 'v0.0.2', previous: 'v0.0.1', operation: '000012-a1b2' },
  ...{ exitCode: 20, durationMs: 42_000, summary: null },
  error: { code: 'rolled-back', message: 'v0.0.2 failed and v0.0.1 is live again', hint: 'look at it' },
  ...overrides,
});
