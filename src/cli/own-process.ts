import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

type Environment = Readonly<Record<string, string | undefined>>;

/** Buffers of what was read are freed when young objects are collected: the sooner that is, the fewer of them lie about (MiB; Node's own is 16). */
const OPTIONS = { main: [], 'runner-process': ['--max-semi-space-size=1'] } as const;

/** What starts another process of this program, as this one was started: `main`, or what runs an operation. */
export const ownProcess = (entry: 'main' | 'runner-process'): readonly string[] => [
  ...[process.execPath, ...process.execArgv, ...OPTIONS[entry]],
  fileURLToPath(new URL(`../cli/${entry}${extname(import.meta.url)}`, import.meta.url)),
];

/** glibc (mallopt(3)) gives large buffers back to the system when they are freed, and has no heap for each thread: a fifth less memory. */
const ALLOCATOR: Environment = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '524288' };

/** The environment of a process that runs an operation. What somebody has chosen stays. */
export const runnerEnvironment = (environment: Environment): Environment => ({ ...ALLOCATOR, ...environment });

/** What was there before, for the programs that it starts. */
export const withoutAllocator = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([name, value]) => ALLOCATOR[name] !== value));
