import type {
  BackupDetail,
  DeployResult,
  Plan,
  PruneResult,
  RestoreResult,
  StatusReport,
} from '../../../src/deploy/results.ts';
import type { OperationRecord } from '../../../src/operation/operations.ts';
import type { Release } from '../../../src/operation/releases.ts';

// What the app comes back with, as of 2026-03-01T12:00:00Z (support.ts NOW).

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

export const record: OperationRecord = {
  id: '000003-ab12',
  sequence: 3,
  kind: 'deploy',
  subject: 'v0.0.2',
  who: 'omar@web',
  requestId: null,
  startedAt: '2026-03-01T11:58:00.000Z',
  endedAt: '2026-03-01T11:58:14.000Z',
  durationMs: 14_000,
  outcome: 'succeeded',
  exitCode: 0,
  error: null,
};

export const release: Release = {
  id: 2,
  tag: 'v0.0.2',
  origin: 'deployed',
  images: [],
  services: {},
  variables: [],
  backup: null,
  status: 'live',
  who: 'omar@web',
  at: '2026-03-01T11:58:14.000Z',
  operation: '000003-ab12',
  downtimeMs: 3_200,
  backupDurationMs: 1_000,
};

export const earlier: Release = {
  ...release,
  id: 1,
  tag: 'v0.0.1',
  origin: 'adopted',
  status: 'good',
  at: '2026-02-01T00:00:00.000Z',
  who: 'root@web',
  downtimeMs: null,
  backup: '000001-v0.0.1',
};

export const deployed: DeployResult = {
  operation: '000003-ab12',
  kind: 'deploy',
  release: 2,
  tag: 'v0.0.2',
  previous: 'v0.0.1',
  images: [{ variable: 'KALEEM_API_IMAGE', from: 'ghcr.io/o/api:v0.0.1', to: 'ghcr.io/o/api:v0.0.2', digest: DIGEST }],
  downtimeMs: 3_200,
  elapsedMs: 14_000,
  backup: '000001-v0.0.1',
  securedBy: 'archive',
  database: 'backed-up',
  gates: [],
  steps: [],
  warnings: [],
};

export const plan: Plan = {
  kind: 'deploy',
  subject: 'v0.0.2',
  steps: ['pull ghcr.io/o/api:v0.0.2', 'raise the fence'],
  images: deployed.images,
  recreated: ['api'],
  untouched: ['mongo', 'redis'],
  expectedDowntimeMs: 12_000,
  destroys: [],
  warnings: ['DEBUG is not set'],
};

export const destructive: Plan = {
  ...plan,
  kind: 'restore',
  subject: '000001-v0.0.1',
  images: [],
  recreated: [],
  untouched: [],
  expectedDowntimeMs: null,
  destroys: ['replace the database kaleem by 000001-v0.0.1, taken 2 h ago'],
  warnings: [],
};

export const status: StatusReport = {
  project: 'kaleem',
  app: null,
  destination: 'production',
  live: release,
  services: [
    {
      service: 'mongo',
      container: 'kaleem-mongo-1',
      state: 'running',
      health: 'healthy',
      image: 'mongo:7',
      imageId: DIGEST,
      startedAt: '2026-02-28T12:00:00.000Z',
      restartCount: 0,
      asReleased: true,
    },
    {
      service: 'api',
      container: 'kaleem-api-1',
      state: 'running',
      health: null,
      image: 'ghcr.io/o/api:v0.0.2',
      imageId: DIGEST,
      startedAt: '2026-03-01T11:58:10.000Z',
      restartCount: 3,
      asReleased: false,
    },
    {
      service: 'nginx',
      container: null,
      state: 'absent',
      health: null,
      image: null,
      imageId: null,
      startedAt: null,
      restartCount: 0,
      asReleased: true,
    },
  ],
  fence: null,
  lock: { held: false, holder: null, pid: null },
  running: null,
  lastOperation: record,
  lastDrill: null,
  copies: [],
  unfinished: null,
  warnings: [],
};

export const backup: BackupDetail = {
  id: '000001-v0.0.1',
  path: '/srv/kaleem/backups/000001-v0.0.1.archive.gz',
  encrypted: false,
  tag: 'v0.0.1',
  createdAt: '2026-03-01T10:00:00.000Z',
  bytes: 34_000_000,
  documents: 412,
  consistency: 'fenced',
  partial: null,
  durationMs: 1_000,
  neededBy: [1, 2],
  problem: null,
  verifiedAt: '2026-03-01T10:00:02.000Z',
  pinned: 'audit',
  sha256: 'aa',
  contentHash: 'bb',
  serverVersion: '7.0.1',
  operation: '000003-ab12',
  namespaces: [
    { db: 'kaleem', collection: 'users', type: 'collection', documents: 412, bytes: 99, indexes: ['_id_', 'email_1'] },
    { db: 'kaleem', collection: 'active', type: 'view', documents: 0, bytes: 0, indexes: [] },
  ],
};

export const pruned: PruneResult = {
  operation: '000004-cd34',
  releases: [{ name: '1', bytes: null, reason: 'older than 5 releases' }],
  images: [{ name: 'ghcr.io/o/api:v0.0.0', bytes: 120_000_000, reason: 'no release needs it' }],
  backups: [],
  snapshots: [],
  copies: [],
  freedBytes: 120_000_000,
};

export const restored: RestoreResult = {
  operation: '000005-ef56',
  backup: '000001-v0.0.1',
  aside: '000002-aside',
  documents: 412,
  namespaces: 2,
  extra: { kept: ['kaleem.new'], dropped: [] },
  downtimeMs: 2_000,
  elapsedMs: 3_000,
  warnings: [],
};
