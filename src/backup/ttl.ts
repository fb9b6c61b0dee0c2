import { around } from '../system/failpoints/around.ts';
import type { Database } from './connection.ts';

export interface PausedTtl {
  /** Whether the monitor is off now: TTL deletions are writes, and none happen. */
  readonly paused: boolean;
  /** Somebody else had put it off: `resume` leaves it so. */
  readonly wasOff: boolean;
  /** Why not, or that it was off before. */
  readonly reason: string;
  /** Puts the monitor on again, if this put it off. The connection may be another one than the pause's. */
  resume(database: Database): Promise<void>;
}

const set = (database: Database, enabled: boolean) =>
  around('database.ttl', () =>
    database.run('admin', { setParameter: 1, ttlMonitorEnabled: enabled }, { timeoutMs: 10_000 }),
  );

/** Switches the TTL monitor on, whoever switched it off: for recovery too, when the process that did it is gone. */
export const resumeTtl = async (database: Database): Promise<void> => {
  await set(database, true);
};

/** Switches the server's TTL monitor off, where the server has that switch and lets us use it. Never throws for a no. */
export const pauseTtl = async (database: Database): Promise<PausedTtl> => {
  const nothing = async (): Promise<void> => {};
  try {
    const now = await database.run('admin', { getParameter: 1, ttlMonitorEnabled: 1 }, { timeoutMs: 10_000 });
    if (now.ttlMonitorEnabled === false)
      return { paused: true, wasOff: true, reason: 'the TTL monitor was off already', resume: nothing };
    await set(database, false);
    return { paused: true, wasOff: false, reason: 'the TTL monitor is off', resume: resumeTtl };
  } catch (error) {
    const { codeName } = error as { codeName?: string };
    if (codeName === undefined) throw error;
    return {
      ...{ paused: false, wasOff: false },
      reason: `the server does not let the TTL monitor be switched off (${codeName})`,
      resume: nothing,
    };
  }
};
