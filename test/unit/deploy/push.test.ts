import { describe, expect, it } from 'vitest';
import type { BackupEntry } from '../../../src/backup/catalogue.ts';
import type { Copies } from '../../../src/backup/copies/catalogue.ts';
import type { Manifest } from '../../../src/backup/manifest.ts';
import type { KeepPolicy } from '../../../src/config/config.ts';
import { countNewer } from '../../../src/deploy/copies-record.ts';
import { backupsToPush } from '../../../src/deploy/push.ts';

const NONE: KeepPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null };

const entry = (id: string, fields: Partial<BackupEntry> = {}, sha256 = id): BackupEntry => ({
  ...{ id, path: `/b/${id}.archive`, bytes: 1, problem: null },
  manifest: {
    id,
    sha256,
    archive: `${id}.archive`,
    release: id.slice(7),
    createdAt: '2026-11-20T05:00:00Z',
  } as Manifest,
  marks: { pinned: null, verified: { at: '2026-11-20T05:00:00Z', problem: null } },
  ...fields,
});
const place = (...entries: readonly BackupEntry[]): Copies => ({ entries, files: [] });
const here = ['000004-v4', '000003-v3', '000002-v2', '000001-v1'].map((id) => entry(id));
const push = (
  copies: Copies,
  keep: Partial<KeepPolicy>,
  which: Parameters<typeof backupsToPush>[3]['which'] = 'wanted',
  from: readonly BackupEntry[] = here,
) => backupsToPush(from, copies, { keep: { ...NONE, ...keep } }, { which, releases: [] }).map(({ id }) => id);

describe('what is pushed', () => {
  it('is what the place lacks and would keep, newest first', () => {
    expect(push(place(), { last: 2 })).toEqual(['000004-v4', '000003-v3']);
    expect(push(place(entry('000004-v4')), { last: 3 })).toEqual(['000003-v3', '000002-v2']);
  });

  it('is nothing that the next prune would remove there', () => {
    expect(push(place(entry('000004-v4'), entry('000003-v3')), { last: 2 })).toEqual([]);
    expect(push(place(entry('000009-v9')), { last: 1 })).toEqual([]);
  });

  it('is everything that is missing, or one, when that is asked', () => {
    expect(push(place(entry('000004-v4')), { last: 1 }, 'all')).toEqual(['000003-v3', '000002-v2', '000001-v1']);
    expect(push(place(), { last: 1 }, { id: '000001-v1' })).toEqual(['000001-v1']);
    expect(push(place(entry('000001-v1')), { last: 1 }, { id: '000001-v1' })).toEqual([]);
  });

  it('is what is pinned here too', () => {
    const pinned = entry('000001-v1', { marks: { pinned: { at: '', by: '', reason: 'audit' }, verified: null } });
    expect(push(place(), { last: 1 }, 'wanted', [...here.slice(0, 3), pinned])).toEqual(['000004-v4', '000001-v1']);
  });

  it('is what is damaged or unfinished there once more, and never what is so here', () => {
    const broken = { problem: 'its archive has 3 bytes and should have 9' };
    expect(push(place(entry('000004-v4', broken)), { last: 1 })).toEqual(['000004-v4']);
    const unfinished = { manifest: null, problem: 'it has no manifest' };
    expect(push(place(entry('000004-v4', unfinished)), { last: 1 })).toEqual(['000004-v4']);
    expect(push(place(), { last: 1 }, 'all', [entry('000005-v5', broken), entry('000006-v6', unfinished)])).toEqual([]);
  });

  it('is tried of what has another content there, so that the push can refuse it by name', () => {
    expect(push(place(entry('000004-v4', {}, 'other')), { last: 1 })).toEqual(['000004-v4']);
  });
});

describe('how far a place is behind', () => {
  it('counts good backups that are newer, not copies of failed versions', () => {
    expect(countNewer(here, '000002-v2')).toBe(2);
    expect(countNewer(here, null)).toBe(4);
    expect(countNewer([entry('000005-aside-v5'), entry('000006-v6', { problem: 'bad' }), ...here], '000004-v4')).toBe(
      0,
    );
  });
});
