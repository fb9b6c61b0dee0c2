import { type DiskImage, type DiskImageOptions, makeDiskImage } from './disk-image.ts';
import { makeStack, type Stack } from './stack.ts';
import { say, type Torture } from './torture.ts';
import { openTrial, type Trial } from './verbs.ts';

/** A stack whose folder (.env, state, backups) is on a disk of its own, on which one case is played after the other. */
export interface Lane {
  readonly disk: DiskImage;
  readonly stack: Stack;
  readonly trial: Trial;
}

export interface Lanes {
  readonly all: readonly Lane[];
  /**
   * Plays the cases in a random order, each on whichever lane is free, and gives what was wrong; a lane where something was is replaced.
   * In the normal tests no further one begins after `shortMs`, and nowhere once too much is wrong.
   */
  play<T>(
    cases: readonly T[],
    shortMs: number,
    play: (lane: Lane, item: T) => Promise<readonly string[]>,
  ): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** In a full run: as many as keep two cores busy. */
const MOST_LANES = 2;
/** Violations after which a run has said enough. */
const ENOUGH = 20;

const openLane = async (options: DiskImageOptions): Promise<Lane> => {
  const disk = await makeDiskImage(options);
  const stack = await makeStack({ directory: disk.directory, checks: 'cheap', variables: { MAX_ATTEMPTS: '20' } });
  await stack.write('kaleem-deploy.yml', 'stability: 0s\n');
  return { disk, stack, trial: await openTrial(stack) };
};

const closeLane = async ({ trial, disk }: Lane): Promise<void> => {
  await trial.cleanup();
  await disk.remove();
};

/** `disk`: of each lane. */
export const openLanes = async (name: string, torture: Torture, disk: DiskImageOptions): Promise<Lanes> => {
  const all: Lane[] = [];
  for (let left = torture.either(MOST_LANES, 1); left > 0; left -= 1) all.push(await openLane(disk));
  return {
    all,
    async play(cases, shortMs, play) {
      const left = [...torture.sample(cases, cases.length)];
      const deadline = performance.now() + torture.either(Number.POSITIVE_INFINITY, shortMs);
      const violations: string[] = [];
      const playOn = async (at: number): Promise<void> => {
        while (violations.length <= ENOUGH && performance.now() < deadline) {
          const item = left.shift();
          if (item === undefined) return;
          const lane = all[at] as Lane;
          const found = await play(lane, item);
          if (found.length > 0) {
            all[at] = await openLane(disk);
            await closeLane(lane);
          }
          for (const violation of found) say(`torture: ${name}: VIOLATION: ${violation}`);
          violations.push(...found);
          if (left.length % ENOUGH === 0) say(`torture: ${name}: ${left.length} of ${cases.length} to go`);
        }
      };
      await Promise.all(all.map((_, at) => playOn(at)));
      return violations;
    },
    async close() {
      for (const lane of all) await closeLane(lane);
    },
  };
};
