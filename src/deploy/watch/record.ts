import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { StateDirectory } from '../../operation/state.ts';
import { replaceFile } from '../../system/durable-file.ts';

/** What is watched. */
export const WATCHED = ['gates', 'backups', 'disk'] as const;
export type Watched = (typeof WATCHED)[number];

/** In the state directory. */
const FILE = 'watch.json';

const bad = z.strictObject({ since: z.iso.datetime(), toldAt: z.iso.datetime() });
const schema = z.strictObject({ version: z.literal(1), bad: z.partialRecord(z.enum(WATCHED), bad) });

/** What was wrong when it was last looked at, and when somebody was last told. */
export type Known = Readonly<Partial<Record<Watched, z.infer<typeof bad>>>>;

/** What cannot be read counts as nothing: somebody is told once more than needed. */
export const readKnown = async (state: StateDirectory | null): Promise<Known> => {
  if (state === null) return {};
  try {
    return schema.parse(JSON.parse(await readFile(state.file(FILE), 'utf8'))).bad;
  } catch {
    return {};
  }
};

export const writeKnown = (state: StateDirectory, known: Known): Promise<void> =>
  replaceFile(state.file(FILE), `${JSON.stringify({ version: 1, bad: known })}\n`);
