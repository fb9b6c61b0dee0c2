import type { ImageChange, Plan } from '../../deploy/results.ts';
import { formatDuration, shortDigest } from './format.ts';

/** `KALEEM_API_IMAGE  repo:v1 -> repo:v2 (sha256:0123456789ab)` */
export const imageLine = ({ variable, from, to, digest }: ImageChange): string => {
  const change = from === null || from === to ? to : `${from} -> ${to}`;
  return `${variable}  ${change}${digest === null ? '' : ` (${shortDigest(digest)})`}`;
};

const titles = {
  deploy: 'deploy',
  rollback: 'roll back to',
  restore: 'restore',
  backup: 'back up',
  maintenance: 'maintenance',
  prune: 'prune',
  pin: 'mark',
  drill: 'drill with',
  push: 'push copies',
  pull: 'pull',
  recover: 'recover',
} as const satisfies Record<Plan['kind'], string>;

const list = (title: string, names: readonly string[]): readonly string[] =>
  names.length === 0 ? [] : [`${title}: ${names.join(', ')}`];

/** What --dry-run prints. */
export const planLines = (plan: Plan): readonly string[] => [
  `would ${titles[plan.kind]} ${plan.subject}`.trimEnd(),
  ...plan.images.map((image) => `  ${imageLine(image)}`),
  ...plan.steps.map((step, index) => `  ${index + 1}. ${step}`),
  ...list('recreated', plan.recreated),
  ...list('left alone', plan.untouched),
  ...plan.destroys.map((line) => `destroys: ${line}`),
  ...(plan.kind === 'deploy' || plan.kind === 'rollback' || plan.kind === 'restore'
    ? [
        plan.expectedDowntimeMs === null
          ? 'expected downtime: not known before the first one'
          : `expected downtime: ${formatDuration(plan.expectedDowntimeMs)}`,
      ]
    : []),
  ...plan.warnings.map((warning) => `warning: ${warning}`),
  'nothing was changed',
];
