import { execa } from 'execa';
import { failpoint } from '#failpoint';
import { DeployError, messageOf } from '../errors.ts';
import { markerEnvironment } from './marker.ts';
import { collectOutput } from './output.ts';
import { ownGroup, signalGroup } from './process-group.ts';

export interface RunOptions {
  /** The whole environment of the child; nothing of ours is inherited but the runner's marker. Default: PATH and HOME only. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Milliseconds until the child and all it started are ended (SIGTERM, then SIGKILL 5 s later). */
  readonly timeoutMs: number;
  /** Ends the child the same way; `run` rejects with its reason once the child is gone. */
  readonly signal?: AbortSignal;
  /** Called for each line of stdout and stderr as it comes, all of them before `run` is over. What it throws, `run` rejects with. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  /** `null` when a signal ended it. 127 when the program was not found, 126 when it could not be started. */
  readonly exitCode: number | null;
  /** Whole, up to 64 MiB (a child that prints more is ended); with `onLine` the last MiB. */
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Runs programs, never a shell: `argv[0]` is looked up on PATH. Resolves whatever the exit code; rejects only on abort. */
export interface CommandRunner {
  run(argv: readonly string[], options: RunOptions): Promise<CommandResult>;
}

const GRACE_MS = 5_000;
/** How long a child may take to disappear after SIGKILL. One that the kernel can't end must not hold us up for ever. */
const LAST_WAIT_MS = 2_000;
/** What setTimeout can take; more would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const minimalEnvironment = (): Record<string, string> =>
  Object.fromEntries(['PATH', 'HOME'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));

const start = (file: string, args: readonly string[], options: RunOptions) =>
  execa(file, args, {
    env: { ...(options.env ?? minimalEnvironment()), ...markerEnvironment() },
    extendEnv: false,
    reject: false,
    buffer: false,
    // A process group of its own: Ctrl-C in the terminal reaches us, and we decide what the child gets; and ending the
    // group ends what the child started too (`docker` starts `docker-compose`, hooks start anything).
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });

interface NotStarted {
  readonly code?: string | undefined;
  readonly cause?: unknown;
}

/** Exit code and words for a child that never ran. The kernel says ENOENT for a missing folder as for a missing program. */
const notStarted = (file: string, cwd: string | undefined, error: NotStarted): CommandResult => {
  const missing = error.code === 'ENOENT';
  const reason = missing ? 'not found' : messageOf(error.cause ?? error);
  const where = cwd === undefined ? '' : ` (started in ${cwd})`;
  return { exitCode: missing ? 127 : 126, stdout: '', stderr: `${file}: ${reason}${where}`, timedOut: false };
};

export const systemCommands: CommandRunner = {
  async run(argv, options) {
    const [file, ...args] = argv;
    const { signal } = options;
    if (file === undefined) throw new DeployError('bug', 'an empty command was run');
    signal?.throwIfAborted();

    const child = start(file, args, options);
    const { pid } = child;
    const disown = pid === undefined ? () => {} : ownGroup(pid);
    const timers: NodeJS.Timeout[] = [];
    const after = (ms: number, act: () => void) => timers.push(setTimeout(act, Math.min(ms, LONGEST_TIMER_MS)));

    let ended: 'aborted' | 'timed-out' | 'too-much' | null = null;
    let stopWaiting = (_: null): void => {};
    const unstoppable = new Promise<null>((resolve) => {
      stopWaiting = resolve;
    });
    const end = (why: typeof ended): void => {
      if (ended !== null) return;
      ended = why;
      if (pid === undefined) return;
      signalGroup(pid, 'SIGTERM');
      after(GRACE_MS, () => signalGroup(pid, 'SIGKILL'));
      after(GRACE_MS + LAST_WAIT_MS, () => stopWaiting(null));
    };
    const onAbort = () => end('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    after(options.timeoutMs, () => end('timed-out'));
    const output = collectOutput(child, { onLine: options.onLine, onTooMuch: () => end('too-much') });

    await failpoint('command.started');
    const result = await Promise.race([child, unstoppable]);

    signal?.removeEventListener('abort', onAbort);
    for (const timer of timers) clearTimeout(timer);
    disown();
    // What the child started and left behind, with its output elsewhere: asked to end above, and had its chance.
    if (ended !== null && pid !== undefined) signalGroup(pid, 'SIGKILL');
    if (result === null) for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();

    const { stdout, stderr, lineError } = output.finish();
    if (ended === 'aborted') throw signal?.reason;
    if (lineError !== null) throw lineError.error;
    if (pid === undefined) return notStarted(file, options.cwd, result ?? {});
    const complaint = ended === 'too-much' ? `\n${file} was ended: it printed more than 64 MiB` : '';
    return {
      exitCode: ended === null ? (result?.exitCode ?? null) : null,
      stdout,
      stderr: `${stderr}${complaint}`,
      timedOut: ended === 'timed-out',
    };
  },
};

/** The last line a program said, for an error message. */
export const lastLine = (result: Pick<CommandResult, 'stdout' | 'stderr'>): string =>
  (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? '';
