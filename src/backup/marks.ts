import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { removeDurably, replaceFile } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { archiveStem } from './manifest.ts';

/** What became of a backup after it was made, in small files beside it. Each says one thing, so that nobody has to read one before writing it. */
const MARKS = {
  /** Somebody wants it kept. */
  pinned: z.strictObject({ at: z.iso.datetime(), by: z.string(), reason: z.string() }),
  /** It was last read from end to end then; `problem`: what was wrong with it. */
  verified: z.strictObject({ at: z.iso.datetime(), problem: z.string().nullable() }),
} as const;

export type MarkName = keyof typeof MARKS;
export type Mark<N extends MarkName> = z.infer<(typeof MARKS)[N]>;
export interface Marks {
  readonly pinned: Mark<'pinned'> | null;
  readonly verified: Mark<'verified'> | null;
}

export const NO_MARKS: Marks = { pinned: null, verified: null };

const markPath = (archive: string, name: MarkName): string => `${archiveStem(archive)}.${name}.json`;

/** Null when there is none; `damaged` when there is one that cannot be read. */
const readMark = async <N extends MarkName>(archive: string, name: N): Promise<Mark<N> | null | 'damaged'> => {
  try {
    return MARKS[name].parse(JSON.parse(await readFile(markPath(archive, name), 'utf8'))) as Mark<N>;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'damaged';
  }
};

/** What cannot be read counts for the cautious side: pinned, and not verified. */
export const readMarks = async (archive: string): Promise<Marks> => {
  const [pinned, verified] = await Promise.all([readMark(archive, 'pinned'), readMark(archive, 'verified')]);
  return {
    pinned:
      pinned === 'damaged'
        ? { at: new Date(0).toISOString(), by: 'nobody knows', reason: `${markPath(archive, 'pinned')} is damaged` }
        : pinned,
    verified: verified === 'damaged' ? null : verified,
  };
};

/** Durably, mode 0600; the old one of that name is replaced. */
export const setMark = <N extends MarkName>(archive: string, name: N, mark: Mark<N>): Promise<void> =>
  around('backup.mark', () => replaceFile(markPath(archive, name), `${JSON.stringify(mark)}\n`, { mode: 0o600 }));

/** What is not there is not an error. */
export const clearMark = (archive: string, name: MarkName): Promise<void> =>
  around('backup.unmark', () => removeDurably(markPath(archive, name)));

export const clearMarks = async (archive: string): Promise<void> => {
  for (const name of Object.keys(MARKS) as MarkName[]) await clearMark(archive, name);
};
