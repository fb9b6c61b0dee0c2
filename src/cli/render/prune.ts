import type { PruneResult, Removed } from '../../deploy/results.ts';
import { formatBytes } from './format.ts';

const removedLines = (what: string, removed: readonly Removed[]): readonly string[] =>
  removed.map(({ name, bytes, reason }) => {
    const size = bytes === null ? '' : `  ${formatBytes(bytes)}`;
    return `removed ${what} ${name}${size}  (${reason})`;
  });

export const pruneLines = ({
  releases,
  images,
  backups,
  snapshots,
  copies,
  freedBytes,
}: PruneResult): readonly string[] => {
  const lines = [
    ...removedLines('release', releases),
    ...removedLines('image', images),
    ...removedLines('backup', backups),
    ...removedLines('volume snapshot', snapshots),
    ...removedLines('copy', copies),
  ];
  return lines.length === 0 ? ['nothing to remove'] : [...lines, `freed ${formatBytes(freedBytes)}`];
};
