// How an image can be broken on purpose (KALEEM_FAULT), so that tests can see a deploy fail in every way there is.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { version } from './settings.js';

/** Faults of the whole process: it never becomes an api. */
export const processFaults = {
  exit: () => process.exit(1),
  'crash-loop': async () => {
    await sleep(1000);
    console.error('crashed on purpose');
    process.exit(1);
  },
  hang: () => {
    createServer(() => {}).listen(3000);
    process.on('SIGTERM', () => process.exit(0));
    return new Promise(() => {});
  },
};

/** Faults of the health endpoint only; each takes the true answer and gives another. */
export const healthFaults = {
  'health-500': () => ({ status: 500, body: { status: 'error', version, message: 'broken on purpose' } }),
  'error-body': () => ({ status: 200, body: { status: 'error', version } }),
  slow: (honest) => (process.uptime() < 5 ? { status: 503, body: { status: 'starting', version } } : honest),
};
