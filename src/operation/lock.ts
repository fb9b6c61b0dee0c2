import { failpoint } from '#failpoint';
import { DeployError, messageOf } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { around } from '../system/failpoints/around.ts';
import { type LockHolder, type LockStatus, lockedError, parseHolder } from './lock-holder.ts';
import { listenerPid } from './lock-owner.ts';
import { askOn, type Listener, listenOn, socketName } from './lock-socket.ts';

export type { LockHolder, LockStatus } from './lock-holder.ts';

/** What a project is locked by: one engine and one compose project have one lock, wherever commands are typed. */
export interface LockKey {
  readonly engineId: string;
  readonly project: string;
}

/** Held until released, or until this process is gone, however it goes. Does not hold the process open. */
export interface Lock {
  /** What others are told from now on. */
  describe(holder: LockHolder): void;
  /** Safe to call twice. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** How long to wait for another holder. 0: fail at once. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** A holder that takes longer is stopped, or not this tool. */
const ANSWER_MS = 1_000;
const POLL_MS = 100;
const LATE_TRIES = 10;
const LATE_MS = 10;

const nameOf = ({ engineId, project }: LockKey): string => socketName([engineId, project]);

/** Who holds the lock now. Takes about a second when the holder does not answer. */
export const readLockHolder = async (key: LockKey): Promise<LockStatus> => {
  const name = nameOf(key);
  const answer = await askOn(name, ANSWER_MS);
  if (answer.state === 'free') return { held: false, holder: null, pid: null };
  const holder = answer.state === 'answered' ? parseHolder(answer.text) : null;
  return { held: true, holder, pid: holder?.pid ?? (await listenerPid(name)) };
};

/**
 * Takes the lock, at once or within `waitMs`.
 *
 * @throws DeployError 'locked', naming the holder; the signal's reason when it is aborted; 'unsupported' where the
 * kernel has no abstract sockets
 */
export const acquireLock = async (key: LockKey, holder: LockHolder, options: LockOptions): Promise<Lock> => {
  const { waitMs, clock, signal } = options;
  const name = nameOf(key);
  let current = holder;
  const tryOnce = (): Promise<Listener | null> =>
    listenOn(name, () => JSON.stringify(current)).catch((error: unknown) => {
      throw new DeployError('unsupported', `cannot take the lock of ${key.project}: ${messageOf(error)}`, {
        hint: 'it is an abstract unix socket: Linux has them, unless a security profile forbids it',
        cause: error,
      });
    });
  const lockOn = (listener: Listener): Lock => {
    let released: Promise<void> | null = null;
    return {
      describe: (next) => {
        current = next;
      },
      release: () => {
        released ??= around('lock.release', () => listener.close());
        return released;
      },
    };
  };

  const deadline = clock.monotonic() + waitMs;
  let lateTries = 0;
  for (;;) {
    signal?.throwIfAborted();
    await failpoint('lock.take.before');
    const listener = await tryOnce();
    if (listener !== null) {
      await failpoint('lock.take.after');
      return lockOn(listener);
    }
    const left = deadline - clock.monotonic();
    if (left > 0) {
      await clock.sleep(Math.min(left, POLL_MS), signal);
      continue;
    }
    const status = await readLockHolder(key);
    // Free by now: the next try takes it, or meets whoever was quicker. Not for ever: a name may be taken by a socket
    // that nobody can talk to.
    lateTries += 1;
    if (status.held || lateTries > LATE_TRIES) throw lockedError(key.project, status);
    await clock.sleep(LATE_MS, signal);
  }
};
