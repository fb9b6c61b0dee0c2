import type { RestoreResult } from '../../deploy/results.ts';
import { formatDuration, plural } from './format.ts';

export const restoreLines = (result: RestoreResult): readonly string[] => {
  const { backup, documents, namespaces, extra, aside, downtimeMs, elapsedMs } = result;
  const names = (title: string, list: readonly string[]): readonly string[] =>
    list.length === 0 ? [] : [`  ${title}: ${list.join(', ')}`];
  return [
    `restored ${backup}: ${plural(documents, 'document')} in ${plural(namespaces, 'collection')}`,
    ...names('kept, although the backup does not know them', extra.kept),
    ...names('dropped, since the backup does not know them', extra.dropped),
    ...(aside === null ? [] : [`  what was there before: backup ${aside}`]),
    downtimeMs === null
      ? `  ${formatDuration(elapsedMs)} in all`
      : `  ${formatDuration(downtimeMs)} of downtime, ${formatDuration(elapsedMs)} in all`,
  ];
};
