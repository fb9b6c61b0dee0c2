import type { NotifyEvent } from '../config/notifier.ts';
import type { ErrorCode } from '../errors.ts';
import type { NewsKind } from './news.ts';

const RELEASE: readonly NewsKind[] = ['deploy', 'rollback', 'restore'];
/** Somebody is at the keyboard, and sees it. */
const ATTENDED: readonly NewsKind[] = ['pin', 'pull', 'maintenance', 'test'];

export const startEvent = (kind: NewsKind): NotifyEvent | null => (RELEASE.includes(kind) ? 'started' : null);

const backupEvent = (code: ErrorCode): NotifyEvent => {
  if (code === 'backup-invalid') return 'backup-invalid';
  return code === 'copy-failed' || code === 'remote-unreachable' ? 'copy-failed' : 'backup-failed';
};

const failureEvent = (kind: NewsKind, code: ErrorCode): NotifyEvent | null => {
  switch (kind) {
    case 'backup':
      return backupEvent(code);
    case 'push':
      return 'copy-failed';
    case 'drill':
      return 'drill-failed';
    case 'watch':
      // What it found wrong is told by itself, once.
      return code === 'check-failed' ? null : 'failed';
    case 'verify':
      return code === 'backup-invalid' ? 'backup-invalid' : 'failed';
    case 'deploy':
    case 'rollback':
    case 'restore':
      // A deploy whose backup failed has its old release running again, too.
      return ['rolled-back', 'backup-failed', 'backup-invalid'].includes(code) ? 'rolled-back' : 'failed';
    default:
      return 'failed';
  }
};

/** What the end of something is, for whoever chose events; null: nothing that anybody is told. `code` null: it succeeded. */
export const endEvent = (kind: NewsKind, code: ErrorCode | null): NotifyEvent | null => {
  if (code === null) return RELEASE.includes(kind) ? 'done' : null;
  if (code === 'halted') return 'halted';
  if (ATTENDED.includes(kind)) return null;
  if (code === 'halted-earlier') return 'halted';
  if (code === 'interrupted' || code === 'interrupted-before') return 'interrupted';
  return failureEvent(kind, code);
};
