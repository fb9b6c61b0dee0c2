import type { Duplex } from 'node:stream';
import type { App } from '../deploy/app.ts';
import { DeployError } from '../errors.ts';
import type { LockHolder, LockStatus } from '../operation/lock.ts';
import type { OperationRecord } from '../operation/operations.ts';
import { operationName } from './render/format.ts';
import type { Session } from './session.ts';

export interface Found {
  readonly marker: string;
  readonly channel: Duplex;
  readonly holder: LockHolder;
}

export type Sought =
  | { readonly running: true; readonly found: Found }
  | { readonly running: false; readonly lastOperation: OperationRecord | null };

const unreachable = ({ holder, pid }: LockStatus): DeployError => {
  if (holder === null) {
    const process = pid === null ? 'a process' : `process ${pid}`;
    return new DeployError('unsupported', `${process} has the project's lock but does not answer: it may be stopped`, {
      hint: pid === null ? 'sudo kaleem-deploy lock status' : `ps -o pid,stat,user,args -p ${pid}`,
    });
  }
  const what = operationName(holder);
  return new DeployError(
    'unsupported',
    `${what} of ${holder.who} (process ${holder.pid}) can't be followed from here`,
    {
      hint: `it answers the user it runs as: ps -o user,args -p ${holder.pid}; kaleem-deploy status shows where it is`,
    },
  );
};

/**
 * The runner of the project's operation, by the lock that it holds; with --request-id, of that one and of no other. Throws 'unsupported' where
 * it can't be reached.
 */
export const findRunner = async ({ parts, io, options }: Session, app: App): Promise<Sought> => {
  const { requestId } = options;
  const isSought = ({ held, holder }: LockStatus): boolean =>
    held && (requestId === null || holder?.requestId === requestId);
  const lock = await app.lockStatus();
  if (isSought(lock)) {
    const { holder } = lock;
    const marker = holder?.runner ?? null;
    const channel = marker === null ? null : await parts.connectToRunner(marker, io.env);
    if (holder !== null && marker !== null && channel !== null) {
      return { running: true, found: { marker, channel, holder } };
    }
    // It may have ended while we looked.
    if (isSought(await app.lockStatus())) throw unreachable(lock);
  }
  const last = (await app.history()).find((record) => requestId === null || record.requestId === requestId);
  return { running: false, lastOperation: last ?? null };
};
