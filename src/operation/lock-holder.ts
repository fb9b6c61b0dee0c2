import { z } from 'zod';
import { DeployError } from '../errors.ts';
import { isMarker } from '../system/marker.ts';
import { isRequestId } from './request-id.ts';

/** Who holds the lock. Every local user can ask for it, so nothing secret goes in here. */
export interface LockHolder {
  readonly pid: number;
  /** Id; empty as long as none has begun. */
  readonly operation: string;
  readonly kind: string;
  readonly who: string;
  /** ISO 8601. */
  readonly since: string;
  /** The marker of its runner, by which followers find it; null: it runs without one. */
  readonly runner: string | null;
  /** The name that whoever asked has for it. */
  readonly requestId: string | null;
}

/** `holder` is null when a process has the lock but does not answer (stopped, say); `pid` then is what the kernel knows. */
export type LockStatus =
  | { readonly held: false; readonly holder: null; readonly pid: null }
  | { readonly held: true; readonly holder: LockHolder | null; readonly pid: number | null };

/** Another local user may have taken the name to annoy: what comes from there is printed, so it is made plain text. */
const text = z.string().transform((value) => value.replace(/\p{C}/gu, '?').slice(0, 256));
const holderSchema = z.object({
  ...{ pid: z.int().positive(), operation: text, kind: text, who: text, since: text },
  runner: z.string().refine(isMarker).nullable().default(null),
  requestId: z.string().refine(isRequestId).nullable().default(null),
});

/** Reads what a holder answered; null when it is not an answer of ours. */
export const parseHolder = (answer: string): LockHolder | null => {
  try {
    return holderSchema.parse(JSON.parse(answer));
  } catch {
    return null;
  }
};

/** The error of whoever did not get the lock. */
export const lockedError = (project: string, { holder, pid }: LockStatus): DeployError => {
  if (holder === null) {
    const process = pid === null ? 'a process' : `process ${pid}`;
    return new DeployError('locked', `${process} has the lock of ${project} but does not answer: it may be stopped`, {
      hint: pid === null ? 'sudo kaleem-deploy lock status' : `ps -o pid,stat,user,args -p ${pid}`,
    });
  }
  const { kind, operation, who, since } = holder;
  const what = [kind, operation].filter(Boolean).join(' ');
  return new DeployError(
    'locked',
    `${project} is locked by ${what}, by ${who}, since ${since} (process ${holder.pid})`,
    {
      hint: 'wait for it: --lock-wait SECONDS; see who it is: kaleem-deploy lock status',
    },
  );
};
