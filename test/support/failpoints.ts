import { handleFailpoints } from '../../src/system/failpoints/armed.ts';

/** Keeps what the dead had open from being collected: Node complains of a file that it must close itself. */
const graves: Promise<void>[] = [];

/** A process that dies in the middle, played within this one. */
export interface Death {
  /** Resolves when the point was met. */
  readonly met: Promise<void>;
  /** Takes the failpoints away again; call it before the next act, which lives. */
  bury(): void;
}

/**
 * From the N-th time that this failpoint is met, whoever comes by any failpoint never goes on: to the code it is as if its
 * process had ended there. What it had open stays open, though, and a kernel would have closed it.
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
  return { met, bury: () => handleFailpoints(null) };
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
