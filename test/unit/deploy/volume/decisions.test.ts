import { describe, expect, test } from 'vitest';
import type { BackupEntry } from '../../../../src/backup/catalogue.ts';
import type { Manifest } from '../../../../src/backup/manifest.ts';
import type { ContainerMount } from '../../../../src/compose/engine.ts';
import { archiveMs, isQuicker, mayBeQuicker, snapshotMs } from '../../../../src/deploy/volume/estimate.ts';
import { dataParts, planObstacle } from '../../../../src/deploy/volume/find-data.ts';
import { placesOf, type SnapshotRecord, snapshotName } from '../../../../src/deploy/volume/record.ts';
import { type Ended, snapshotsToRemove } from '../../../../src/deploy/volume/sweep.ts';
import type { Outcome } from '../../../../src/operation/operations.ts';

const volume = (name: string, destination: string, more: Partial<ContainerMount> = {}): ContainerMount => ({
  ...{ type: 'volume', name, source: `/var/lib/docker/volumes/${name}/_data`, destination, writable: true },
  ...more,
});
const bind = (source: string, destination: string): ContainerMount => ({
  ...{ type: 'bind', name: null, source, destination, writable: true },
});

describe('where the data is', () => {
  test('a volume at the data folder; others are left alone', () => {
    const mounts = [volume('config', '/data/configdb'), volume('data', '/data/db')];
    expect(dataParts({ mounts }, '/data/db')).toEqual([{ type: 'volume', source: 'data', below: '' }]);
  });
  test('a folder of the host', () => {
    expect(dataParts({ mounts: [bind('/srv/db', '/data/db')] }, '/data/db')).toEqual([
      { type: 'bind', source: '/srv/db', below: '' },
    ]);
  });
  test('a folder below a mount: nothing else in it is touched', () => {
    const mounts = [volume('all', '/bitnami')];
    expect(dataParts({ mounts }, '/bitnami/mongodb/data/db')).toEqual([
      { type: 'volume', source: 'all', below: 'mongodb/data/db' },
    ]);
  });
  test('a mount in a mount: the inner one has it, and one that is inside the data belongs to it', () => {
    const mounts = [volume('outer', '/data'), volume('data', '/data/db'), volume('log', '/data/db/journal')];
    expect(dataParts({ mounts }, '/data/db')).toEqual([
      { type: 'volume', source: 'data', below: '' },
      { type: 'volume', source: 'log', below: '' },
    ]);
  });
  test('a name that only begins alike is another folder', () => {
    expect(dataParts({ mounts: [volume('other', '/data/db2')] }, '/data/db')).toBe(
      'its data folder /data/db is in no volume',
    );
    expect(dataParts({ mounts: [volume('other', '/data/d')] }, '/data/db')).toContain('in no volume');
  });
  test('memory, or what is read-only, is none', () => {
    expect(dataParts({ mounts: [volume('x', '/data/db', { type: 'tmpfs', name: null })] }, '/data/db')).toBe(
      '/data/db is a mount of type tmpfs',
    );
    expect(dataParts({ mounts: [volume('x', '/data/db', { writable: false })] }, '/data/db')).toContain('read-only');
  });
});

describe('whether the plan allows it', () => {
  const old = {} as Parameters<typeof planObstacle>[0]['old'];
  const restore = {} as Parameters<typeof planObstacle>[0]['restore'];
  const running = { state: 'running' } as const;
  test.each([
    [{ old, restore: null }, [running], null],
    [{ old: null, restore: null }, [running], 'there is no earlier release to go back to'],
    [{ old, restore }, [running], 'a backup is restored, for which what is there now must be kept as a backup'],
    [{ old, restore: null }, [], 'the database is not a service of this project'],
    [{ old, restore: null }, [running, running], 'its service has several containers'],
    [{ old, restore: null }, [{ state: 'exited' } as const], 'it does not run'],
  ])('%#', (plan, containers, obstacle) => {
    expect(planObstacle(plan, containers)).toBe(obstacle);
  });
});

describe('which way is quicker', () => {
  test('small data is dumped: a restart takes longer', () => {
    expect(mayBeQuicker(10_000_000, archiveMs(10_000_000, null))).toBe(false);
    // However slow the last backup was: on a busy machine a restart is slow too.
    expect(mayBeQuicker(99_000_000, 3_600_000)).toBe(false);
  });
  test('a gigabyte is copied, on any disk', () => {
    const backup = archiveMs(1_000_000_000, null);
    expect(mayBeQuicker(1_000_000_000, backup)).toBe(true);
    expect(isQuicker(snapshotMs({ bytes: 400_000_000, reflink: false }), backup)).toBe(true);
  });
  test('with reflinks it does not matter how large the files are', () => {
    expect(snapshotMs({ bytes: 5e12, reflink: true })).toBe(snapshotMs({ bytes: 0, reflink: true }));
    expect(snapshotMs({ bytes: 5e9, reflink: false })).toBeGreaterThan(20_000);
  });
  test('files much larger than what is in them are not', () => {
    expect(isQuicker(snapshotMs({ bytes: 50e9, reflink: false }), archiveMs(1_000_000_000, null))).toBe(false);
  });
  test('the last backup tells how quick this server is, in proportion', () => {
    const last = { durationMs: 10_000, dataBytes: 500_000_000 };
    expect(archiveMs(1_000_000_000, last)).toBeCloseTo(2 * archiveMs(500_000_000, last));
    expect(archiveMs(500_000_000, last)).toBeGreaterThan(10_000);
  });
  test('one of next to nothing tells nothing', () => {
    expect(archiveMs(1_000_000_000, { durationMs: 9_000, dataBytes: 1_000_000 })).toBe(archiveMs(1_000_000_000, null));
    expect(archiveMs(0, { durationMs: 500, dataBytes: 0 })).toBe(0);
  });
});

const record = (operation: string, holds: SnapshotRecord['holds'] = 'before'): SnapshotRecord => ({
  ...{ version: 1, operation, tag: 'v2', createdAt: '2026-11-22T00:00:00.000Z', imageId: 'sha256:1' },
  parts: [{ type: 'volume', source: 'data', below: '', digest: null }],
  ...{ clusterTime: null, replicaSetId: null, holds },
});

const backup = (
  operation: string | null,
  more: { verified?: boolean; release?: string; partial?: boolean } = {},
): BackupEntry => {
  const { verified = true, release = 'v2', partial = false } = more;
  const filter = { include: ['a.b'], exclude: [] };
  return {
    ...{ id: '000001-v2', path: '/b/000001-v2.archive.gz', bytes: 1, problem: null },
    manifest: { operation, release, ...(partial ? { partial: filter } : {}) } as unknown as Manifest,
    marks: { pinned: null, verified: verified ? { at: '2026-11-22T00:00:00.000Z', problem: null } : null },
  };
};

describe('which snapshots go', () => {
  const names = (
    records: readonly SnapshotRecord[],
    outcomes: Readonly<Record<string, Outcome>>,
    backups: readonly BackupEntry[] = [],
    kind: Ended['kind'] = 'deploy',
  ): readonly string[] => {
    const ended = Object.entries(outcomes).map(([id, outcome]) => ({ id, kind, outcome }));
    return snapshotsToRemove(records, ended, backups).map((each) => each.record.operation);
  };

  test('of a deploy that has not ended, or halted, none', () => {
    expect(names([record('000007-a')], {}, [backup('000009-a')])).toEqual([]);
    expect(names([record('000007-a')], { '000007-a': 'halted' }, [backup('000009-a')])).toEqual([]);
    expect(names([record('000007-a', 'failed')], { '000007-a': 'halted' })).toEqual([]);
  });
  test.each(['rolled-back', 'interrupted', 'failed', 'refused'] as const)(
    'of one that ended %s, for all is as it was',
    (outcome) => {
      expect(names([record('000007-a')], { '000007-a': outcome })).toEqual(['000007-a']);
    },
  );
  test('of one that succeeded, once there is a verified backup of everything since', () => {
    const ended = { '000007-a': 'succeeded' } as const;
    const one = [record('000007-a')];
    expect(names(one, ended)).toEqual([]);
    expect(names(one, ended, [backup('000006-a')])).toEqual([]);
    expect(names(one, ended, [backup(null)])).toEqual([]);
    expect(names(one, ended, [backup('000007-a', { verified: false })])).toEqual([]);
    expect(names(one, ended, [backup('000008-a', { release: 'aside-v3' })])).toEqual([]);
    expect(names(one, ended, [backup('000008-a', { partial: true })])).toEqual([]);
    expect(names(one, ended, [{ ...backup('000008-a'), problem: 'damaged' }])).toEqual([]);
    expect(names(one, ended, [backup('000007-a')])).toEqual(['000007-a']);
    expect(names(one, ended, [backup('000012-a')])).toEqual(['000007-a']);
  });
  test('of what failed versions left, all but the last; and that once a later one is live', () => {
    const ended = { '000007-a': 'rolled-back', '000008-a': 'interrupted' } as const;
    const records = [record('000007-a', 'failed'), record('000008-a', 'failed')];
    expect(names(records, ended)).toEqual(['000007-a']);
    expect(names(records, { '000006-a': 'succeeded', ...ended })).toEqual(['000007-a']);
    expect(names(records, { ...ended, '000009-a': 'succeeded' })).toEqual(['000007-a', '000008-a']);
    expect(names(records, { ...ended, '000009-a': 'rolled-back' })).toEqual(['000007-a']);
    expect(names(records, { ...ended, '000009-a': 'succeeded' }, [], 'backup')).toEqual(['000007-a']);
  });
});

test('a snapshot is named for a person by where it lies and what it is', () => {
  const found: SnapshotRecord = {
    ...record('000007-a', 'failed'),
    parts: [
      { type: 'volume', source: 'data', below: 'mongodb/db', digest: null },
      { type: 'bind', source: '/srv/log', below: '', digest: null },
    ],
  };
  expect(placesOf(found)).toEqual([
    'mongodb/db/.kaleem-deploy/000007-a/failed of volume data',
    '/srv/log/.kaleem-deploy/000007-a/failed',
  ]);
  expect(snapshotName(found)).toBe('000007-a, what v2 left');
  expect(snapshotName(record('000007-a'))).toBe('000007-a, before v2');
});
