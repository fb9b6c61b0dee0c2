import { readFile } from 'node:fs/promises';

/** One system call as `strace -f -y` tells it, whole even where it was written as two lines. */
export interface SystemCall {
  /** 0 where only one was traced. */
  readonly thread: number;
  readonly name: string;
  /** As printed. */
  readonly arguments: string;
  /** The value returned; null for an error, or when the process ended first. */
  readonly value: number | null;
  /** `ENOSPC`; null where it worked. */
  readonly error: string | null;
  /** Whether strace made it fail. */
  readonly injected: boolean;
  /** What it is about, in the order of its arguments: quoted paths, and the paths behind descriptors. */
  readonly paths: readonly string[];
}

const WHOLE = /^(?<name>\w+)\((?<arguments>.*)\)\s+= (?<value>-?\d+|\?)(?<rest>.*)$/;
/** `3</srv/app/.env>` or `"/srv/app/.env"`; what is written to a file is quoted too, so paths are absolute ones. */
const PATH = /\d<(\/[^>]*?)(?: \(deleted\))?>|"(\/[^"]*)"/g;

const parseCall = (thread: number, text: string): SystemCall | null => {
  const { name, arguments: given = '', value, rest = '' } = WHOLE.exec(text)?.groups ?? {};
  if (name === undefined) return null;
  // The text of a write is quoted as well, and not a path.
  const about = /^(p?write|writev|pwritev)/.test(name) ? given.slice(0, given.indexOf('>') + 1) : given;
  const error = /^ (E[A-Z0-9]+) /.exec(rest)?.[1] ?? null;
  return {
    ...{ thread, name, arguments: given, error },
    value: value === '?' || error !== null ? null : Number(value),
    injected: rest.includes('(INJECTED)'),
    paths: [...about.matchAll(PATH)].map(([, descriptor, quoted]) => descriptor ?? quoted ?? ''),
  };
};

/** The calls in a file that `strace -y -o` wrote, with -f or without, in the order in which they were over. */
export const parseCalls = (text: string): readonly SystemCall[] => {
  const begun = new Map<number, string>();
  const calls: SystemCall[] = [];
  for (const line of text.split('\n')) {
    const [, digits = '0', said = ''] = /^(?:(\d+)\s+)?(.*)$/.exec(line) ?? [];
    const thread = Number(digits);
    const unfinished = /^(.*?)\s*<unfinished \.\.\.>$/.exec(said);
    if (unfinished !== null) {
      begun.set(thread, unfinished[1] ?? '');
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    const call = parseCall(thread, resumed === null ? said : `${begun.get(thread) ?? ''}${resumed[1]}`);
    if (call !== null) calls.push(call);
  }
  return calls;
};

export const readCalls = async (path: string): Promise<readonly SystemCall[]> =>
  parseCalls(await readFile(path, 'utf8'));

/** Calls by which a process changes what lies on a disk, or makes sure that it does. */
export const DISK_CALLS = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'copy_file_range', 'ftruncate', 'truncate', 'fallocate'],
  ...['fsync', 'fdatasync', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['mkdir', 'mkdirat', 'unlink', 'unlinkat', 'rmdir', 'open', 'openat', 'creat'],
  ...['chmod', 'fchmod', 'fchmodat', 'chown', 'fchown', 'lchown', 'fchownat'],
];

/** For `strace -e trace=`; a name that this machine's architecture does not have is not an error. */
export const traceOption = (names: readonly string[]): string => names.map((name) => `?${name}`).join(',');

export const isOpen = ({ name }: SystemCall): boolean => ['open', 'openat', 'creat'].includes(name);

export const creates = (call: SystemCall): boolean => isOpen(call) && /O_CREAT/.test(call.arguments);
