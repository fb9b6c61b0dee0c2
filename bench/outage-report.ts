// What is said of how long visitors got nothing.
import type { FileSystem } from '../test/support/disk-image.ts';
import { median, seconds, table } from './numbers.ts';
import { sizeText } from './sizes.ts';

export const WAYS = ['archive', 'volume'] as const;
export type Way = (typeof WAYS)[number];
export const DEPLOYS = ['good', 'bad'] as const;
export type Deploy = (typeof DEPLOYS)[number];

export interface Cell {
  readonly fileSystem: FileSystem;
  readonly bytes: number;
  readonly way: Way;
  readonly deploy: Deploy;
}

export interface Measured extends Cell {
  readonly outageMs: number;
  /** From raising the fence to lifting it, as the tool has it. */
  readonly fencedMs: number;
  /** Of that, until the version was known to be bad; null: it was good. */
  readonly verdictMs: number | null;
  readonly elapsedMs: number;
}

/** Of several rounds of one cell: the medians. */
export const middleOf = (rounds: readonly [Measured, ...Measured[]]): Measured => {
  const [first] = rounds;
  const middle = (of: (each: Measured) => number) => median(rounds.map(of));
  return {
    ...{ ...first, outageMs: middle((each) => each.outageMs), fencedMs: middle((each) => each.fencedMs) },
    verdictMs: first.verdictMs === null ? null : middle((each) => each.verdictMs ?? Number.NaN),
    elapsedMs: middle((each) => each.elapsedMs),
  };
};

const TITLES = ['file system', 'data', 'secured by', 'deploy', 'outage', 'fenced', 'until the verdict', 'in all'];

export const row = (each: Measured): readonly string[] => [
  ...[each.fileSystem, sizeText(each.bytes), each.way, each.deploy],
  ...[each.outageMs, each.fencedMs].map(seconds),
  each.verdictMs === null ? '' : seconds(each.verdictMs),
  seconds(each.elapsedMs),
];

/** How much longer than by a snapshot, and how much longer than with the least data. */
const ratios = (cells: readonly Measured[]): string =>
  cells
    .flatMap((cell) => {
      const like = (other: Partial<Cell>) =>
        cells.find((each) =>
          (['fileSystem', 'bytes', 'way', 'deploy'] as const).every((key) => each[key] === { ...cell, ...other }[key]),
        );
      const times = (other: Measured) => `${(cell.outageMs / other.outageMs).toFixed(2)} x`;
      const name = `${cell.fileSystem}, ${sizeText(cell.bytes)}, ${cell.way}, ${cell.deploy}`;
      const snapshot = cell.way === 'archive' ? like({ way: 'volume' }) : undefined;
      const least = like({ bytes: Math.min(...cells.map(({ bytes }) => bytes)) });
      return [
        ...(snapshot === undefined ? [] : [`${name}: ${times(snapshot)} as long as by volume\n`]),
        ...(least === undefined || least === cell
          ? []
          : [`${name}: ${times(least)} as long as with ${sizeText(least.bytes)}\n`]),
      ];
    })
    .join('');

export const report = (cells: readonly Measured[]): void => {
  if (cells.length === 0) return;
  table(TITLES, cells.map(row));
  process.stdout.write(`\n${ratios(cells)}`);
};
