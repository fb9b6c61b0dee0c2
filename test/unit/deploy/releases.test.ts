import { describe, expect, test } from 'vitest';
import type { BackupEntry } from '../../../src/backup/catalogue.ts';
import { chooseRelease } from '../../../src/deploy/plan-rollback.ts';
import { backupsToRemove, releasesToRemove } from '../../../src/deploy/what-to-remove.ts';
import { DeployError } from '../../../src/errors.ts';
import type { Release } from '../../../src/operation/releases.ts';

const release = (id: number, tag: string, status: Release['status'], fields: Partial<Release> = {}): Release => ({
  ...{ id, tag, status, origin: 'deployed', services: {}, variables: [], backup: null, who: 'me@here' },
  ...{ at: '2026-01-01T00:00:00Z', operation: '000001-0000', downtimeMs: null, backupDurationMs: null },
  images: [
    {
      ...{ variable: 'API_IMAGE', reference: `api:${tag}`, tag, digest: `sha256:${tag}`, imageId: `sha256:id-${tag}` },
      pinned: `api:${tag}@sha256:${tag}`,
    },
  ],
  ...fields,
});

const refusal = (call: () => unknown): DeployError => {
  try {
    call();
  } catch (error) {
    if (error instanceof DeployError) return error;
  }
  throw new Error('it was not refused');
};

describe('the release that a rollback means', () => {
  const live = release(5, 'v4', 'live');
  const all = [
    live,
    release(4, 'v3', 'bad'),
    release(3, 'v2', 'good'),
    release(2, 'v3', 'good'),
    release(1, 'v1', 'good'),
  ];

  test('without a tag it is the newest good one', () => {
    expect(chooseRelease(all, live, null).id).toBe(3);
  });

  test('one that ran the same images as now is no way back', () => {
    expect(chooseRelease([live, release(4, 'v4', 'good'), release(1, 'v1', 'good')], live, null).id).toBe(1);
  });

  test('with a tag it is the newest of that tag, a bad one too', () => {
    expect(chooseRelease(all, live, 'v3').id).toBe(4);
    expect(chooseRelease(all, live, 'v1').id).toBe(1);
  });

  test('a tag that is not kept is refused, naming those that are, once each', () => {
    const error = refusal(() => chooseRelease(all, live, 'v9'));
    expect(error.code).toBe('release-not-found');
    expect(error.message).toBe('no release v9 is kept');
    expect(error.hint).toContain('releases that are kept: v3, v2, v1;');
  });

  test('the live one itself is no release to go back to', () => {
    expect(refusal(() => chooseRelease([live], live, 'v4')).hint).toContain('none');
    expect(refusal(() => chooseRelease([live, release(4, 'v3', 'bad')], live, null)).message).toBe(
      'there is no earlier good release to go back to',
    );
  });

  test('while nothing runs, any good one will do', () => {
    expect(chooseRelease([release(1, 'v1', 'good')], null, null).id).toBe(1);
  });
});

describe('pruning', () => {
  const all = [
    release(7, 'v7', 'bad'),
    release(6, 'v6', 'live'),
    release(5, 'v5', 'good'),
    release(4, 'v4', 'bad'),
    release(3, 'v3', 'good'),
    release(2, 'v2', 'bad'),
    release(1, 'v1', 'good'),
  ];

  test('keeps the live release, the newest good ones, and as many bad ones', () => {
    expect(releasesToRemove(all, 2).map(({ id }) => id)).toEqual([2, 1]);
    expect(releasesToRemove(all, 1).map(({ id }) => id)).toEqual([4, 3, 2, 1]);
  });

  test('never removes the live release, though none is to be kept', () => {
    expect(releasesToRemove(all, 0).map(({ id }) => id)).toEqual([7, 5, 4, 3, 2, 1]);
    expect(releasesToRemove([], 3)).toEqual([]);
  });

  test('a backup is needed as long as a release goes back to it', () => {
    const releases = [
      release(2, 'v2', 'live'),
      release(1, 'v1', 'good', { backup: '000001-v1' }),
      release(3, 'v3', 'bad', { backup: '000002-v3' }),
    ];
    const entry = (id: string): BackupEntry => ({
      ...{ id, path: `/b/${id}.archive.gz`, bytes: 1, manifest: null, problem: null },
      marks: { pinned: null, verified: { at: '2026-11-20T05:00:00.000Z', problem: null } },
    });
    const policy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null };
    const entries = ['000004-v4', '000002-v3', '000001-v1', '000000-v0'].map(entry);
    const { keep, remove } = backupsToRemove(entries, policy, releases);
    expect(keep.map(({ id }) => id)).toEqual(['000004-v4', '000002-v3', '000001-v1']);
    expect(remove.map(({ id }) => id)).toEqual(['000000-v0']);
  });
});
