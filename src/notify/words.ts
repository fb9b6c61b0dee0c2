import type { NotifyEvent } from '../config/notifier.ts';
import { duration } from '../health/detail.ts';
import type { News, NewsKind } from './news.ts';

/** News for a person: plain text, which each form escapes in its own way. */
export interface Words {
  /** One line. */
  readonly title: string;
  /** Each a line: `host: db1`. */
  readonly lines: readonly string[];
  readonly tone: 'good' | 'bad' | 'neutral';
}

const what: Readonly<Record<NewsKind, string>> = {
  deploy: 'deploy of',
  rollback: 'rollback to',
  restore: 'restore of backup',
  backup: 'backup',
  drill: 'drill of backup',
  verify: 'verification of backups:',
  push: 'copying of backups to',
  pull: 'copying of backup',
  maintenance: 'maintenance',
  prune: 'prune',
  watch: '',
  pin: 'pin',
  recover: 'recover',
  test: 'a test message',
};

/** 10, 11, 12: nothing was touched. */
const isRefusal = ({ exitCode }: News): boolean => exitCode !== null && exitCode >= 10 && exitCode <= 12;

const outcomes: Readonly<Record<NotifyEvent, (news: News) => string>> = {
  started: () => 'started',
  done: () => 'is done',
  failed: (news) => (isRefusal(news) ? 'was refused before anything was touched' : 'failed'),
  'rolled-back': () => 'failed and was rolled back',
  interrupted: () => 'was interrupted',
  halted: ({ error }) =>
    error?.code === 'halted' ? 'halted: a person has to decide' : 'cannot go on: an earlier operation halted',
  recovered: () => 'had died and was recovered',
  'backup-failed': () => 'failed',
  'backup-invalid': ({ kind }) => (kind === 'verify' ? 'found a bad one' : 'failed: it did not verify'),
  'copy-failed': () => 'is not copied everywhere',
  'drill-failed': () => 'failed',
  unhealthy: () => 'is not healthy',
  'backup-overdue': () => 'has no recent backup',
  'disk-nearly-full': () => 'has a disk that is nearly full',
  'well-again': () => 'is well again',
};

const tones: Readonly<Record<News['state'], Words['tone']>> = { started: 'neutral', succeeded: 'good', failed: 'bad' };

const outcome = (news: News): string => {
  if (news.event === 'test') return '';
  if (news.event !== null) return outcomes[news.event](news);
  return news.state === 'started' ? 'started' : 'is done';
};

const change = ({ kind, previous, subject }: News): string | null => {
  if (previous === null || (kind !== 'deploy' && kind !== 'rollback')) return null;
  return `from ${previous} to ${subject}`;
};

const labelled = (label: string, value: string | null): readonly string[] =>
  value === null || value === '' ? [] : [`${label}: ${value}`];

export const wordsOf = (news: News): Words => {
  const { app, project, destination, who, operation, exitCode, durationMs, summary, error } = news;
  const place = `${app ?? project}${destination === null ? '' : ` (${destination})`}`;
  const happened = [what[news.kind], news.subject, outcome(news)].filter((part) => part !== '').join(' ');
  return {
    title: `${place}: ${happened}`,
    tone: news.event === 'recovered' ? 'neutral' : tones[news.state],
    lines: [
      ...labelled('release', change(news)),
      ...labelled('what became of it', summary),
      ...labelled('error', error?.message ?? null),
      ...labelled('next', error?.hint ?? null),
      ...labelled('project', project),
      ...labelled('by', who),
      ...labelled('took', durationMs === null ? null : duration(durationMs)),
      ...labelled('operation', operation),
      ...labelled('exit code', exitCode === null ? null : String(exitCode)),
    ],
  };
};
