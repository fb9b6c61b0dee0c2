import type { BackupDetail, BackupSummary, VerifyResult } from '../../deploy/results.ts';
import { formatAgo, formatBytes, formatDuration, plural } from './format.ts';
import { table } from './table.ts';
import type { View } from './view.ts';

const number = (value: number | null): string | null => (value === null ? null : String(value));

const state = ({ problem, consistency }: BackupSummary): string => problem ?? consistency ?? 'no manifest';

export const backupListLines = (backups: readonly BackupSummary[], { now }: View): readonly string[] =>
  backups.length === 0
    ? ['no backups yet']
    : table(
        [
          { title: 'BACKUP' },
          { title: 'TAG' },
          { title: 'WHEN' },
          { title: 'SIZE', align: 'right' },
          { title: 'DOCUMENTS', align: 'right' },
          { title: 'NEEDED BY' },
          { title: 'STATE' },
        ],
        backups.map((backup) => [
          backup.id,
          backup.tag,
          backup.createdAt === null ? null : formatAgo(backup.createdAt, now),
          formatBytes(backup.bytes),
          number(backup.documents),
          backup.neededBy.join(', '),
          state(backup),
        ]),
      );

export const backupDetailLines = (backup: BackupDetail, { now }: View): readonly string[] => {
  const facts: readonly (readonly [string, string | null])[] = [
    ['file', backup.path],
    ['when', backup.createdAt === null ? null : `${formatAgo(backup.createdAt, now)} (${backup.createdAt})`],
    ['release', backup.tag],
    ['state', state(backup)],
    ['size', formatBytes(backup.bytes)],
    ['documents', number(backup.documents)],
    ['took', backup.durationMs === null ? null : formatDuration(backup.durationMs)],
    ['server', backup.serverVersion],
    ['sha256', backup.sha256],
    ['content', backup.contentHash],
    ['needed by', backup.neededBy.length === 0 ? null : `release ${backup.neededBy.join(', ')}`],
  ];
  const columns = [
    { title: 'COLLECTION' },
    { title: 'TYPE' },
    { title: 'DOCUMENTS', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'INDEXES' },
  ] as const;
  return [
    `backup ${backup.id}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(9)}  ${value}`])),
    ...(backup.namespaces.length === 0
      ? []
      : [
          '',
          ...table(
            columns,
            backup.namespaces.map(({ db, collection, type, documents, bytes, indexes }) => [
              `${db}.${collection}`,
              type,
              String(documents),
              formatBytes(bytes),
              indexes.join(', '),
            ]),
          ),
        ]),
  ];
};

export const verifiedLine = ({ id, path, documents, namespaces, bytes, elapsedMs, complete }: VerifyResult): string => {
  const content = `${plural(documents, 'document')} in ${plural(namespaces, 'collection')}, ${formatBytes(bytes)}`;
  const limits = complete ? '' : '; it has no manifest, so only its own checksums could be checked';
  return `${id ?? path} is good: ${content}, read in ${formatDuration(elapsedMs)}${limits}`;
};
