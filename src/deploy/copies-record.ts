import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type BackupEntry, isWhole, sequenceOf } from '../backup/catalogue.ts';
import type { CopyPlace } from '../config/config.ts';
import type { StateDirectory } from '../operation/state.ts';
import { replaceFile } from '../system/durable-file.ts';
import { isAside } from './back-up.ts';
import type { CopyStatus } from './results.ts';

/** What the last push to each place came to, so that `status` need not connect. */
const record = z.record(
  z.string(),
  z.object({ at: z.string(), newest: z.string().nullable(), problem: z.string().nullable() }),
);
type CopiesRecord = z.infer<typeof record>;
export type LastPush = CopiesRecord[string];

const FILE = 'copies.json';

/** Nothing depends on it: what can't be read is as if it were not there. */
const readCopiesRecord = async (state: StateDirectory | null): Promise<CopiesRecord> => {
  if (state === null) return {};
  try {
    return record.parse(JSON.parse(await readFile(state.file(FILE), 'utf8')));
  } catch {
    return {};
  }
};

/** Of the places that are configured. */
export const rememberPushes = async (
  state: StateDirectory,
  places: readonly CopyPlace[],
  pushes: Readonly<Record<string, LastPush>>,
): Promise<void> => {
  const before = await readCopiesRecord(state);
  const named = places.flatMap(({ name }) => {
    const push = pushes[name] ?? before[name];
    if (push === undefined) return [];
    // A failed push takes nothing away.
    return [[name, push.problem === null ? push : { ...push, newest: before[name]?.newest ?? null }] as const];
  });
  await replaceFile(state.file(FILE), `${JSON.stringify(Object.fromEntries(named))}\n`);
};

/** How many good backups here are newer than the newest at a place. */
export const countNewer = (here: readonly BackupEntry[], newest: string | null): number =>
  here.filter(
    (each) =>
      isWhole(each) &&
      !isAside(each.manifest.release ?? '') &&
      (newest === null || sequenceOf(each.id) > sequenceOf(newest)),
  ).length;

/** What is known of the places without asking them. */
export const copyStatuses = async (
  state: StateDirectory | null,
  places: readonly CopyPlace[],
  here: readonly BackupEntry[],
): Promise<readonly CopyStatus[]> => {
  const known = await readCopiesRecord(state);
  return places.map(({ name, url }) => {
    const { at = null, newest = null, problem = null } = known[name] ?? {};
    return { place: name, url, pushedAt: at, newest, behind: countNewer(here, newest), problem };
  });
};
