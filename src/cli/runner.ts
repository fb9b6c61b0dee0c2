import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { DeployError } from '../errors.ts';
import { createHub, type Hub } from '../operation/runner/hub.ts';
import { createRedactor } from '../system/redact.ts';
import type { Io } from './io.ts';
import type { Job } from './job.ts';
import { runJob } from './run-job.ts';
import { progressToHub } from './runner-progress.ts';
import type { Parts } from './workspace.ts';

const said = {
  'rolls-back': [
    'aborting and rolling back; this ends by itself',
    'the rollback goes on and cannot be skipped; `kaleem-deploy status` shows where it is',
  ],
  ends: ['aborting; what was begun is cleared away first', 'still clearing away; this cannot be skipped'],
} as const satisfies Record<Job['interruption'], readonly [first: string, again: string]>;

export interface RunnerWorld {
  /** The kind of the request, known before the job is. */
  readonly kind: string;
  readonly io: Pick<Io, 'env' | 'cwd'>;
  readonly parts: Parts;
  /** Where SIGTERM and its like come from: they abort. A terminal that hangs up does not. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Lets others than the front follow; what it resolves to ends that. Its failure is a warning. */
  listen(serve: Hub['serve']): Promise<() => void>;
}

/**
 * Runs one operation for whoever is at the other end of the channel, and tells everyone who follows. Nothing that becomes
 * of the followers changes what the operation does.
 */
export const runRunner = async (front: Duplex, { kind, io, parts, signals, listen }: RunnerWorld): Promise<void> => {
  const redactor = createRedactor();
  const controller = new AbortController();
  const { signal } = controller;
  let interruption: Job['interruption'] = 'ends';

  const abort = (by: string): void => {
    const text = said[interruption][signal.aborted ? 1 : 0];
    controller.abort(new DeployError('interrupted', `interrupted by ${by}`));
    const asked = /^(?:Ctrl-C|SIG[A-Z]+)$/.test(by) ? '' : `${by}: `;
    hub.emit({ type: 'tell', text: `${asked}${text}` });
  };
  const hub = createHub({ kind, clock: parts.clock, redactor, onAbort: abort, isAborting: () => signal.aborted });
  const job = await new Promise<Job | null>((resolve) => {
    front.once('close', () => resolve(null));
    hub.serve(front, (received) => resolve(received as Job));
  });
  // The front died, or changed its mind, before it said what is to be done.
  if (job === null) return;
  interruption = job.interruption;

  const handlers = { SIGTERM: () => abort('SIGTERM'), SIGINT: () => abort('SIGINT'), SIGHUP: () => {} };
  for (const [name, handler] of Object.entries(handlers)) signals.on(name, handler);
  const listening = listen(hub.serve).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    hub.emit({ type: 'warn', text: `\`attach\`, \`abort\` and \`status\` will not find this run: ${why}` });
    return () => {};
  });
  try {
    const progress = progressToHub(hub, parts.clock);
    const mirror = (text: string) => hub.emit({ type: 'log', text });
    const ending = await runJob(job, { io, parts, redactor, signal, progress, mirror });
    await hub.end(ending);
  } finally {
    (await listening)();
    for (const [name, handler] of Object.entries(handlers)) signals.off(name, handler);
  }
};
