import type { EventEmitter } from 'node:events';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Server } from 'node:net';
import { handleFailpoints } from '../../src/system/failpoints/armed.ts';

/** What is open in this process, so that it can be closed for one that only plays dead. */
const files = new Set<FileHandle>();
const servers = new Set<Server>();

const { open } = promises;
promises.open = async (...args) => {
  const handle = await open(...args);
  files.add(handle);
  // It is one, though its types don't say so.
  (handle as unknown as EventEmitter).once('close', () => files.delete(handle));
  return handle;
};
syncBuiltinESMExports();

const { listen } = Server.prototype;
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  servers.add(this);
  this.once('close', () => servers.delete(this));
  return listen.apply(this, args as Parameters<typeof listen>);
} as typeof listen;

/** As the kernel does: files are closed, and the lock is free. */
const closeAll = async (): Promise<void> => {
  await Promise.all([...files].map((handle) => handle.close().catch(() => {})));
  await Promise.all([...servers].map((server) => new Promise((resolve) => server.close(resolve))));
};

/** Keeps what the dead had open from being collected: Node complains of a file that it must close itself. */
const graves: Promise<void>[] = [];

/** A process that dies in the middle, played within this one. */
export interface Death {
  /** Resolves when the point was met. */
  readonly met: Promise<void>;
  /** Takes the failpoints away again and closes what it had open; call it before the next act, which lives. */
  bury(): Promise<void>;
}

/**
 * From the N-th time that this failpoint is met, whoever comes by any failpoint never goes on: to the code it is as if its
 * process had ended there. One at a time: all that is open is taken for its own.
 */
export const dieAt = (name: string, hit = 1): Death => {
  let meet = (): void => {};
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  let dead = false;
  handleFailpoints((each, count) => {
    if (each === name && count === hit) dead = true;
    if (!dead) return;
    meet();
    const never = new Promise<void>(() => {});
    graves.push(never);
    return never;
  });
  return {
    met,
    async bury() {
      await closeAll();
      handleFailpoints(null);
    },
  };
};

/** The failpoints that `run` meets, `NAME#N`, in order. */
export const traced = async (run: () => Promise<unknown>): Promise<readonly string[]> => {
  const hits: string[] = [];
  handleFailpoints((name, hit) => void hits.push(`${name}#${hit}`));
  try {
    await run();
  } finally {
    handleFailpoints(null);
  }
  return hits;
};

/** While `run` runs, the N-th time that this failpoint is met fails with that errno. */
export const failingAt = async (
  name: string,
  hit: number,
  code: string,
  run: () => Promise<unknown>,
): Promise<void> => {
  handleFailpoints(async (each, count) => {
    if (each === name && count === hit) throw Object.assign(new Error(code), { code });
  });
  try {
    await run();
  } finally {
    handleFailpoints(null);
  }
};
