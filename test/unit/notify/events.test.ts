import { describe, expect, it } from 'vitest';
import type { NotifyEvent } from '../../../src/config/notifier.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { endEvent, startEvent } from '../../../src/notify/events.ts';
import type { NewsKind } from '../../../src/notify/news.ts';
import { wants } from '../../../src/notify/teller.ts';
import { newsOf } from './news.ts';

describe('the event of an ending', () => {
  it.each<[NewsKind, ErrorCode | null, NotifyEvent | null]>([
    ['deploy', null, 'done'],
    ['rollback', null, 'done'],
    ['restore', null, 'done'],
    ['backup', null, null],
    ['drill', null, null],
    ['recover', null, null],
    ['deploy', 'image-not-found', 'failed'],
    ['deploy', 'locked', 'failed'],
    ['deploy', 'bug', 'failed'],
    ['restore', 'restore-failed', 'failed'],
    ['deploy', 'rolled-back', 'rolled-back'],
    ['deploy', 'backup-failed', 'rolled-back'],
    ['rollback', 'backup-invalid', 'rolled-back'],
    ['deploy', 'interrupted', 'interrupted'],
    ['deploy', 'interrupted-before', 'interrupted'],
    ['backup', 'interrupted', 'interrupted'],
    ['deploy', 'halted', 'halted'],
    ['maintenance', 'halted', 'halted'],
    ['deploy', 'halted-earlier', 'halted'],
    ['recover', 'halted-earlier', 'halted'],
    ['backup', 'backup-failed', 'backup-failed'],
    ['backup', 'database-unreachable', 'backup-failed'],
    ['backup', 'locked', 'backup-failed'],
    ['backup', 'backup-invalid', 'backup-invalid'],
    ['backup', 'copy-failed', 'copy-failed'],
    ['push', 'copy-failed', 'copy-failed'],
    ['push', 'locked', 'copy-failed'],
    ['drill', 'check-failed', 'drill-failed'],
    ['verify', 'backup-invalid', 'backup-invalid'],
    ['verify', 'identity-missing', 'failed'],
    ['prune', 'disk-full', 'failed'],
    ['watch', null, null],
    ['watch', 'check-failed', null],
    ['watch', 'config-invalid', 'failed'],
    ['recover', 'locked', 'failed'],
    ['pin', 'locked', null],
    ['pull', 'copy-failed', null],
    ['maintenance', 'halted-earlier', null],
  ])('%s, %s: %s', (kind, code, event) => {
    expect(endEvent(kind, code)).toBe(event);
  });

  it('of a beginning there is one where a release is at stake', () => {
    expect((['deploy', 'rollback', 'restore', 'backup', 'drill', 'verify'] as const).map(startEvent)).toEqual([
      ...['started', 'started', 'started', null, null, null],
    ]);
  });
});

describe('a notifier', () => {
  const slack = { target: { type: 'slack', url: 'https://x' }, events: ['halted', 'rolled-back'] } as const;
  const ping = { target: { type: 'healthchecks', url: 'https://x', jobs: ['backup', 'drill'] }, events: [] } as const;

  it('is told the events that it chose', () => {
    expect(wants(slack, newsOf({ event: 'rolled-back' }))).toBe(true);
    expect(wants(slack, newsOf({ event: 'done' }))).toBe(false);
    expect(wants(slack, newsOf({ event: null, job: 'backup' }))).toBe(false);
  });

  it('that waits for a job hears of that job, whatever the event', () => {
    expect(wants(ping, newsOf({ event: null, job: 'backup' }))).toBe(true);
    expect(wants(ping, newsOf({ event: 'drill-failed', job: 'drill' }))).toBe(true);
    expect(wants(ping, newsOf({ event: 'backup-invalid', job: 'verify' }))).toBe(false);
    expect(wants(ping, newsOf({ event: 'rolled-back', job: null }))).toBe(false);
  });

  it('without a target is told nothing', () => {
    expect(wants({ target: null, events: [] }, newsOf())).toBe(false);
  });
});
