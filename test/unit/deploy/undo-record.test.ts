import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DeployPlan, PlannedImage } from '../../../src/deploy/plan.ts';
import { readUndoRecord, writeUndoRecord } from '../../../src/deploy/undo-record.ts';

test('what is written for an undo can be read again, also when the plan was made from a release’s record', async () => {
  const image: PlannedImage = {
    ...{ variable: 'API_IMAGE', reference: 'api:v1', tag: 'v1', digest: null, pinned: 'api:v1' },
    ...{ platforms: [], services: ['api'] },
  };
  const plan = {
    ...{ tag: 'v1', old: null, images: [{ ...image, imageId: 'sha256:a' }], levels: [['api']] },
    roles: { edge: [], writers: ['api'], database: null, releaseServices: ['api'] },
    ...{ changed: new Set(['api']), remounted: new Set<string>(), stopped: new Set<string>() },
    ...{ writersChange: true, keepsRelease: true, abandonsLive: false },
  } as unknown as DeployPlan;
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-undo-'));
  try {
    await writeUndoRecord(directory, plan, { failing: new Set(), unwell: new Set() }, Buffer.from('A=1\n'));
    const read = await readUndoRecord(directory);
    expect(read?.record).toMatchObject({ tag: 'v1', images: [image], changed: ['api'], hasEnv: true });
    expect(read?.envBefore?.toString()).toBe('A=1\n');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
