import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RenderedProject } from '../compose/rendered.ts';
import { releaseImageSchema } from '../operation/release.ts';
import { readStateJson } from '../operation/snapshot-files.ts';
import { replaceFile } from '../system/durable-file.ts';
import type { Condition } from './condition.ts';
import type { DeployPlan } from './plan.ts';

// What a journal can't carry, since its texts are redacted: what the undo must know if the process dies. Two files in the
// operation's directory, 0600: undo.json, and `.env` as it was (env-before).

const UNDO_FILE = 'undo.json';
const ENV_FILE = 'env-before';

const names = z.array(z.string());

const recordSchema = z.strictObject({
  version: z.literal(1),
  tag: z.string(),
  /** Null: there was nothing before. */
  old: z.strictObject({ release: z.int(), running: names, containers: names }).nullable(),
  images: z.array(releaseImageSchema.omit({ imageId: true }).extend({ platforms: names, services: names })),
  roles: z.strictObject({ edge: names, writers: names, database: z.string().nullable(), releaseServices: names }),
  levels: z.array(names),
  changed: names,
  remounted: names,
  stopped: names,
  writersChange: z.boolean(),
  keepsRelease: z.boolean(),
  abandonsLive: z.boolean(),
  before: z.strictObject({ failing: names, unwell: names }),
  /** Whether there was an `.env`. */
  hasEnv: z.boolean(),
});

export type UndoRecord = z.infer<typeof recordSchema>;

/** Written before anything of the application is touched: an operation without it has touched nothing. */
export const writeUndoRecord = async (
  directory: string,
  plan: DeployPlan,
  before: Condition,
  envBefore: Buffer | null,
): Promise<void> => {
  const { tag, old, roles, levels, writersChange, keepsRelease, abandonsLive } = plan;
  const { edge, writers, database, releaseServices } = roles;
  // A plan made from a release's record carries more than a plan must.
  const images = plan.images.map(({ variable, reference, tag: own, digest, pinned, platforms, services }) => ({
    ...{ variable, reference, tag: own, digest, pinned, platforms: [...platforms], services: [...services] },
  }));
  const record = {
    ...{ version: 1, tag, images, levels, writersChange, keepsRelease, abandonsLive, hasEnv: envBefore !== null },
    old: old === null ? null : { release: old.release.id, running: [...old.running], containers: [...old.containers] },
    roles: { edge, writers, database, releaseServices },
    ...{ changed: [...plan.changed], remounted: [...plan.remounted], stopped: [...plan.stopped] },
    before: { failing: [...before.failing], unwell: [...before.unwell] },
  };
  if (envBefore !== null) await replaceFile(join(directory, ENV_FILE), envBefore);
  await replaceFile(join(directory, UNDO_FILE), `${JSON.stringify(record)}\n`);
};

/** Null: the operation had not come to touching anything. */
export const readUndoRecord = async (
  directory: string,
): Promise<{ readonly record: UndoRecord; readonly envBefore: Buffer | null } | null> => {
  const path = join(directory, UNDO_FILE);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return null;
  const record = await readStateJson(path, recordSchema);
  return { record, envBefore: record.hasEnv ? await readFile(join(directory, ENV_FILE)) : null };
};

/** The plan of an operation that died, as far as its undo needs it. `rendered`: the compose file that it had written. */
export const planOf = (record: UndoRecord, rendered: RenderedProject, old: DeployPlan['old']): DeployPlan => ({
  ...{ tag: record.tag, images: record.images, roles: record.roles, levels: record.levels, old },
  ...{ rendered, pinned: rendered, snapshot: null, restore: null, upgrade: [], restartAll: false, warnings: [] },
  ...{ changed: new Set(record.changed), remounted: new Set(record.remounted), stopped: new Set(record.stopped) },
  ...{ orphans: [], writersChange: record.writersChange },
  ...{ keepsRelease: record.keepsRelease, abandonsLive: record.abandonsLive },
});
