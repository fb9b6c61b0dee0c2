import { basename, dirname } from 'node:path';
import { creates, type SystemCall } from './system-calls.ts';

// What a power cut would take, worked out from system calls alone, as POSIX promises it and no file system is kinder:
// a file's bytes are on the disk once the file was fsynced, a name (made, moved or removed) once its directory was.

/** A path that begins so marks a place in a trace: `access('/kaleem-mark/begun')`. It does not exist. */
export const MARK = '/kaleem-mark/';

type Change = 'made' | 'removed';

interface Unsaved {
  /** Files with bytes that no fsync has followed. */
  readonly content: Set<string>;
  /** Directory -> name -> what was done to it since the last fsync of the directory. */
  readonly names: Map<string, Map<string, Change>>;
  /** Paths that something was renamed to. */
  readonly renamed: Set<string>;
  /** Files that are known to be there: opened to be made, or renamed to. */
  readonly present: Set<string>;
}

const noteName = ({ names }: Unsaved, path: string, change: Change): void => {
  const directory = dirname(path);
  const own = names.get(directory) ?? new Map<string, Change>();
  // Made and removed again: nothing that a power cut could take.
  if (change === 'removed' && own.get(basename(path)) === 'made') own.delete(basename(path));
  else own.set(basename(path), change);
  names.set(directory, own);
};

const isWithin = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);

const listed = ({ content, names }: Unsaved, within: string): readonly string[] => [
  ...[...content].filter((path) => isWithin(path, within)).map((path) => `the content of ${path}`),
  ...[...names].flatMap(([directory, own]) =>
    isWithin(directory, within) ? [...own].map(([name, change]) => `${directory}/${name}, ${change},`) : [],
  ),
];

/** What is moved away to be removed must be away first: else its old name may come back with half of what was in it. */
const halfGone = ({ names, renamed }: Unsaved, path: string): readonly string[] =>
  [...renamed]
    .filter((each) => path.startsWith(`${each}/`) && names.get(dirname(each))?.has(basename(each)))
    .map((each) => `removal of ${path}: the rename to ${each} is not on the disk`);

/** A rename moves what is unsaved below it along. */
const moved = (unsaved: Unsaved, from: string, to: string): void => {
  const place = (path: string): string => (isWithin(path, from) ? `${to}${path.slice(from.length)}` : path);
  for (const path of [...unsaved.content]) {
    unsaved.content.delete(path);
    unsaved.content.add(place(path));
  }
  for (const [directory, own] of [...unsaved.names]) {
    unsaved.names.delete(directory);
    unsaved.names.set(place(directory), own);
  }
};

/**
 * What a power cut at a mark, or at the end of the trace (`the end`), would take from below `root`; and files that got
 * their name before their content was safe. Empty: all was durable each time. `ignored`: files that need not be.
 */
export const lossesIn = (
  calls: readonly SystemCall[],
  { root, ignored }: { readonly root: string; readonly ignored: RegExp },
): readonly string[] => {
  const unsaved: Unsaved = { content: new Set(), names: new Map(), renamed: new Set(), present: new Set() };
  const losses: string[] = [];
  const lose = (when: string): void => {
    losses.push(...listed(unsaved, root).map((what) => `${when}: ${what} is not on the disk`));
  };
  for (const call of calls) {
    const [first = '', second = ''] = call.paths;
    if (first.startsWith(MARK)) lose(first.slice(MARK.length));
    const about = creates(call) ? (call.paths.find((path) => isWithin(path, root)) ?? '') : first;
    if (call.error !== null || call.value === null || ignored.test(about)) continue;
    if (creates(call) && isWithin(about, root)) {
      const path = call.paths.findLast((each) => isWithin(each, root)) ?? about;
      const isNew = /O_EXCL/.test(call.arguments) || !unsaved.present.has(path);
      if (isNew) noteName(unsaved, path, 'made');
      unsaved.present.add(path);
      if (/O_TRUNC/.test(call.arguments)) unsaved.content.add(path);
    } else if (/^(p?write|writev|pwritev|ftruncate|fallocate|copy_file_range)/.test(call.name)) {
      if (isWithin(about, root)) unsaved.content.add(about);
    } else if (call.name === 'fsync' || call.name === 'fdatasync') {
      unsaved.content.delete(about);
      unsaved.names.delete(about);
    } else if (call.name.startsWith('mkdir')) {
      noteName(unsaved, about, 'made');
    } else if (call.name.startsWith('unlink') || call.name === 'rmdir') {
      losses.push(...halfGone(unsaved, about));
      unsaved.content.delete(about);
      unsaved.names.delete(about);
      unsaved.present.delete(about);
      noteName(unsaved, about, 'removed');
    } else if (call.name.startsWith('rename')) {
      const early = listed(unsaved, first);
      losses.push(...early.map((what) => `rename to ${second}: ${what} is not on the disk`));
      noteName(unsaved, first, 'removed');
      moved(unsaved, first, second);
      noteName(unsaved, second, 'made');
      unsaved.renamed.add(second);
      unsaved.present.delete(first);
      unsaved.present.add(second);
    }
  }
  lose('the end');
  return losses;
};
