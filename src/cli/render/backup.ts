import { filterText } from '../../backup/namespace-filter.ts';
import type {
  BackupDetail,
  BackupSummary,
  DrillResult,
  PinResult,
  VerifyReport,
  VerifyResult,
} from '../../deploy/results.ts';
import { formatAgo, formatBytes, formatDuration, plural } from './format.ts';
import { table } from './table.ts';
import type { View } from './view.ts';

const number = (value: number | null): string | null => (value === null ? null : String(value));

const state = ({ problem, consistency, partial, pinned, encrypted }: BackupSummary): string =>
  [
    ...(pinned === null ? [] : ['pinned']),
    ...(partial === null ? [] : ['partial']),
    ...(encrypted ? ['encrypted'] : []),
    problem ?? consistency ?? 'no manifest',
  ].join(', ');

const when = (time: string | null, now: View['now']): string | null =>
  time === null ? null : `${formatAgo(time, now)} (${time})`;

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
    ['when', when(backup.createdAt, now)],
    ['release', backup.tag],
    ['state', state(backup)],
    ['only', backup.partial === null ? null : filterText(backup.partial)],
    ['size', formatBytes(backup.bytes)],
    ['documents', number(backup.documents)],
    ['took', backup.durationMs === null ? null : formatDuration(backup.durationMs)],
    ['server', backup.serverVersion],
    ['sha256', backup.sha256],
    ['content', backup.contentHash],
    ['verified', when(backup.verifiedAt, now)],
    ['pinned', backup.pinned === '' ? 'without a reason' : backup.pinned],
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

const verifiedLine = ({ id, path, documents, namespaces, bytes, elapsedMs, complete }: VerifyResult): string => {
  const content = `${plural(documents, 'document')} in ${plural(namespaces, 'collection')}, ${formatBytes(bytes)}`;
  const limits = complete ? '' : '; it has no manifest, so only its own checksums could be checked';
  return `${id ?? path} is good: ${content}, read in ${formatDuration(elapsedMs)}${limits}`;
};

/** What is wrong with the others was told as a warning each. */
export const verifyLines = ({ good, bad, locked }: VerifyReport): readonly string[] => {
  const all = good.length + bad.length + locked.length;
  return [...good.map(verifiedLine), ...(all > 1 ? [`${good.length} of ${plural(all, 'backup')} are good`] : [])];
};

export const drillLines = ({ backup, documents, namespaces, bytes, elapsedMs }: DrillResult): readonly string[] => [
  `backup ${backup} can be restored: ${plural(documents, 'document')} in ${plural(namespaces, 'collection')}, ${formatBytes(bytes)}, compared byte for byte in ${formatDuration(elapsedMs)}`,
];

export const pinLines = ({ backup, pinned, changed }: PinResult): readonly string[] => [
  changed
    ? `backup ${backup} is ${pinned ? 'pinned: prune keeps it' : 'no longer pinned'}`
    : `backup ${backup} was ${pinned ? 'pinned already' : 'not pinned'}`,
];
