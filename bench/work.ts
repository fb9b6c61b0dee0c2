// Things that are timed, and what is said of them.
import { median } from './numbers.ts';
import { sizeText } from './sizes.ts';

/** One thing that is done some times, each time after the same preparation. */
export interface Work {
  readonly name: string;
  readonly dataBytes: number;
  readonly elsewhere?: boolean;
  readonly before?: () => Promise<unknown>;
  /** Resolves to the size of what it made, where it made something. */
  readonly work: () => Promise<number | null>;
}

export interface Measured {
  readonly name: string;
  readonly ms: number[];
  /** Of this process; null: another one did it. */
  readonly cpuSeconds: number | null;
  readonly dataBytes: number;
  readonly size: number | null;
}

const measure = async ({ name, dataBytes, elsewhere, before, work }: Work, rounds: number): Promise<Measured> => {
  const ms: number[] = [];
  const cpu: number[] = [];
  let size: number | null = null;
  for (let round = 0; round < rounds; round += 1) {
    await before?.();
    const [started, used] = [performance.now(), process.cpuUsage()];
    size = await work();
    ms.push(performance.now() - started);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1e6);
  }
  return { name, ms, cpuSeconds: elsewhere ? null : median(cpu), dataBytes, size };
};

/** MB of documents in a second. */
export const rateOf = ({ ms, dataBytes }: Measured): number => dataBytes / 1e3 / median(ms);

/** One thing after the other, each so often. */
export const measureAll = async (
  works: readonly Work[],
  { rounds, signal }: { readonly rounds: number; readonly signal: AbortSignal },
): Promise<readonly Measured[]> => {
  const measured: Measured[] = [];
  for (const work of works) {
    signal.throwIfAborted();
    measured.push(await measure(work, rounds));
  }
  return measured;
};

export const TITLES = ['', 'time', 'rate', 'CPU here', 'size'];
export const row = (each: Measured): readonly string[] => [
  each.name,
  `${(median(each.ms) / 1000).toFixed(2)} s`,
  `${rateOf(each).toFixed(1)} MB/s`,
  each.cpuSeconds === null ? '' : `${each.cpuSeconds.toFixed(1)} s`,
  each.size === null ? '' : sizeText(each.size),
];
