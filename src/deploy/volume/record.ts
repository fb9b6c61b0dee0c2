import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { readStateJson } from '../../operation/snapshot-files.ts';
import type { StateDirectory } from '../../operation/state.ts';
import { removeDurably, replaceFile } from '../../system/durable-file.ts';
import { around } from '../../system/failpoints/around.ts';

const name = z.string().max(4_096);

const partSchema = z.strictObject({
  type: z.enum(['volume', 'bind']),
  /** A volume's name, or a path on the engine's host. */
  source: name,
  /** Where in it the data begins, without a slash at its start; may be empty. */
  below: name,
  /** What the copy's files are, as `treeDigest` says it; null until the copy is whole. */
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

const schema = z.strictObject({
  version: z.literal(1),
  operation: z.string().max(100),
  /** The tag that is deployed. */
  tag: z.string(),
  createdAt: z.iso.datetime(),
  /** Of the database's container: what a helper is made from. */
  imageId: z.string(),
  parts: z.array(partSchema).min(1),
  /** Where the database stood, on a replica set: nothing was written as long as its oplog has nothing later. */
  clusterTime: z.strictObject({ seconds: z.int(), increment: z.int() }).nullable(),
  replicaSetId: z.string().nullable(),
  /** The data as it was before the deploy; or, once that was put back, what the failed version left. */
  holds: z.enum(['before', 'failed']),
});

/**
 * A volume snapshot: what lies in `.kaleem-deploy/<operation>` of the folders that hold the database's files. The record is
 * written before anything of it is made, and removed after all of it is.
 */
export type SnapshotRecord = z.infer<typeof schema>;
export type SnapshotPart = SnapshotRecord['parts'][number];

const PREFIX = 'volume-snapshot-';
const SUFFIX = '.json';
const fileName = (operation: string): string => `${PREFIX}${operation}${SUFFIX}`;

export const writeSnapshotRecord = (state: StateDirectory, record: SnapshotRecord): Promise<void> =>
  around('volume.record', () => replaceFile(state.file(fileName(record.operation)), `${JSON.stringify(record)}\n`));

export const removeSnapshotRecord = (state: StateDirectory, operation: string): Promise<void> =>
  around('volume.forget', () => removeDurably(state.file(fileName(operation))));

/** All there are, oldest first. A damaged one is an error: what it is about may be the only copy of something. */
export const listSnapshotRecords = async (state: StateDirectory): Promise<readonly SnapshotRecord[]> => {
  const names = (await readdir(state.path)).filter((each) => each.startsWith(PREFIX) && each.endsWith(SUFFIX)).sort();
  return Promise.all(names.map((each) => readStateJson(state.file(each), schema)));
};

export const isWholeSnapshot = ({ parts }: SnapshotRecord): boolean => parts.every(({ digest }) => digest !== null);

/** For a person: what it is. */
export const snapshotName = ({ operation, tag, holds }: SnapshotRecord): string =>
  `${operation}, ${holds === 'failed' ? `what ${tag} left` : `before ${tag}`}`;

/** For a person: where it lies. */
export const placesOf = ({ operation, parts, holds }: SnapshotRecord): readonly string[] =>
  parts.map(({ type, source, below }) => {
    const folder = [below, '.kaleem-deploy', operation, holds === 'failed' ? 'failed' : 'copy']
      .filter(Boolean)
      .join('/');
    return type === 'volume' ? `${folder} of volume ${source}` : `${source}/${folder}`;
  });
