import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './command.ts';
import type { Stack } from './stack.ts';
import { creates, DISK_CALLS, isOpen, readCalls, type SystemCall, traceOption } from './system-calls.ts';

const PREDICTABLE = fileURLToPath(new URL('predictable.cjs', import.meta.url));

/** What the names of the next run's files will have in them: the numbers are the next free ones. */
interface Numbers {
  readonly run: string;
  readonly operation: number;
  readonly release: number;
  readonly backup: number;
  /** The tag that is live, of which the backup is. */
  readonly live: string;
}

/** One call on one file, as it can be found again in another run: `<...>` stand for what differs from run to run. */
export interface Place {
  readonly call: string;
  /** Below the stack's folder. */
  readonly path: string;
  /** The how manieth call of that name on that file, by the same thread, from 1. */
  readonly nth: number;
}

export interface Traced {
  readonly outcome: Outcome;
  readonly places: readonly Place[];
  readonly calls: readonly SystemCall[];
  /** The call that was made to fail. */
  readonly failed: SystemCall | null;
}

const highest = async (directory: string, pattern: RegExp): Promise<number> => {
  const names = await readdir(directory).catch(() => []);
  return Math.max(0, ...names.map((name) => Number(pattern.exec(name)?.[1] ?? 0)));
};

let runs = 0;

const nextNumbers = async (stack: Stack): Promise<Numbers> => {
  runs += 1;
  const state = join(stack.directory, '.kaleem');
  const removed = Number(await readFile(join(state, 'releases/removed'), 'utf8').catch(() => '0'));
  return {
    run: runs.toString(16).padStart(4, '0'),
    operation: (await highest(join(state, 'operations'), /^(\d{6})-/)) + 1,
    release: Math.max(removed, await highest(join(state, 'releases'), /^(\d{6})$/)) + 1,
    backup: (await highest(join(stack.directory, 'backups'), /^\.?(\d{6})-/)) + 1,
    live: /kaleem-api:(\S+)/.exec(await stack.read('.env'))?.[1] ?? '',
  };
};

const RELEASE = /(?<=^\.kaleem\/releases\/(?:\.(?:new|removed)-)?)\d{6}/;
const BACKUP = /(?<=^backups\/\.?)\d{6}/;
const placeOfNumber = (kind: string, number: string, next: number): string => `<${kind} ${Number(number) - next}>`;

const generalised = (path: string, { run, operation, release, backup, live }: Numbers): string =>
  path
    .replace(`${run}${run}`, '<random>')
    .replace(`${String(operation).padStart(6, '0')}-${run}`, '<operation>')
    .replace(RELEASE, (number) => placeOfNumber('release', number, release))
    .replace(BACKUP, (number) => placeOfNumber('backup', number, backup))
    .replace(`-${live}.`, '-<live>.');

const particular = (path: string, { run, operation, release, backup, live }: Numbers): string => {
  const numbered = (from: number) => (_: string, offset: string) => String(from + Number(offset)).padStart(6, '0');
  return path
    .replace('<random>', `${run}${run}`)
    .replace('<operation>', `${String(operation).padStart(6, '0')}-${run}`)
    .replace(/<release (-?\d+)>/, numbered(release))
    .replace(/<backup (-?\d+)>/, numbered(backup))
    .replace('<live>', live);
};

const CHANGING =
  /^(p?write|writev|pwritev|copy_file_range|f?truncate|fallocate|fsync|fdatasync|rename|link|symlink|mkdir|unlink|rmdir|f?ch(mod|own))/;

/** Whether a call changes something, or makes sure of it. */
const isChange = (call: SystemCall): boolean => (isOpen(call) ? creates(call) : CHANGING.test(call.name));

/** Where the tool changes something below the stack's folder. */
const placesIn = (calls: readonly SystemCall[], folder: string, numbers: Numbers): readonly Place[] => {
  const counts = new Map<string, number>();
  return calls.flatMap((call) => {
    const own = new Set(call.paths.filter((path) => path.startsWith(`${folder}/`)));
    const nths = new Map<string, number>();
    for (const path of own) {
      const key = `${call.thread} ${call.name} ${path}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      nths.set(path, counts.get(key) ?? 0);
    }
    // By what strace finds a call again (-P): of a rename it looks at the old name alone.
    const path = [...own].at(call.name === 'rename' ? 0 : -1);
    if (path === undefined || !isChange(call)) return [];
    const general = generalised(path.slice(folder.length + 1), numbers);
    return [{ call: call.name, path: general, nth: nths.get(path) ?? 0 }];
  });
};

/**
 * Runs a command of the tool under strace, all its processes: their calls are recorded; or, with a fault, the one at that
 * place fails with that error, and only those on that file are recorded.
 */
export const runTraced = async (
  stack: Stack,
  argv: readonly string[],
  fault: { readonly place: Place; readonly error: string } | null = null,
): Promise<Traced> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-traced-'));
  const output = join(folder, 'trace');
  try {
    const numbers = await nextNumbers(stack);
    const only =
      fault === null
        ? []
        : [
            ...['-P', join(stack.directory, particular(fault.place.path, numbers))],
            ...['-e', `inject=${fault.place.call}:error=${fault.error}:when=${fault.place.nth}`],
          ];
    // Every call that is traced costs its process two stops: of a run that shall fail, the one call is enough.
    const calledFor = traceOption(fault === null ? DISK_CALLS : [fault.place.call]);
    const traced = ['-f', '--seccomp-bpf', '-y', '-s', '0', '-o', output, '-e', `trace=${calledFor}`];
    const variables = {
      // One thread for all file calls: they are counted by thread.
      ...{ NODE_OPTIONS: `--require=${PREDICTABLE}`, UV_THREADPOOL_SIZE: '1', KALEEM_TORTURE_RUN: numbers.run },
    };
    const outcome = await stack.startUnder(['strace', ...traced, ...only], variables, ...argv).ended;
    const calls = await readCalls(output);
    const failed = calls.find(({ injected }) => injected) ?? null;
    return { outcome, calls, failed, places: placesIn(calls, stack.directory, numbers) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const placeText = ({ call, path, nth }: Place): string => `${call} ${path} #${nth}`;
