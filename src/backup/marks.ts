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

export const markPath = (archive: string, name: MarkName): string => `${archiveStem(archive)}.${name}.json`;

export const markText = <N extends MarkName>(mark: Mark<N>): string => `${JSON.stringify(mark)}\n`;

/** Throws where it is none of that name. */
const parseMark = <N extends MarkName>(name: N, text: string): Mark<N> =>
  MARKS[name].parse(JSON.parse(text)) as Mark<N>;

/** Null when there is none; `damaged` when there is one that cannot be read. */
const readMark = async <N extends MarkName>(archive: string, name: N): Promise<Mark<N> | null | 'damaged'> => {
  try {
    return parseMark(name, await readFile(markPath(archive, name), 'utf8'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'damaged';
  }
};

const damagedPin = (where: string): Mark<'pinned'> => ({
  ...{ at: new Date(0).toISOString(), by: 'nobody knows', reason: `${where} is damaged` },
});

/** A pin that was read from elsewhere. What cannot be read counts for the cautious side. */
export const parsePin = (where: string, text: string): Mark<'pinned'> => {
  try {
    return parseMark('pinned', text);
  } catch {
    return damagedPin(where);
  }
};

/** What cannot be read counts for the cautious side: pinned, and not verified. */
export const readMarks = async (archive: string): Promise<Marks> => {
  const [pinned, verified] = await Promise.all([readMark(archive, 'pinned'), readMark(archive, 'verified')]);
  return {
    pinned: pinned === 'damaged' ? damagedPin(markPath(archive, 'pinned')) : pinned,
    verified: verified === 'damaged' ? null : verified,
  };
};

/** Durably, mode 0600; the old one of that name is replaced. */
export const setMark = <N extends MarkName>(archive: string, name: N, mark: Mark<N>): Promise<void> =>
  around('backup.mark', () => replaceFile(markPath(archive, name), markText(mark), { mode: 0o600 }));

/** What is not there is not an error. */
export const clearMark = (archive: string, name: MarkName): Promise<void> =>
  around('backup.unmark', () => removeDurably(markPath(archive, name)));

export const clearMarks = async (archive: string): Promise<void> => {
  for (const name of Object.keys(MARKS) as MarkName[]) await clearMark(archive, name);
};
