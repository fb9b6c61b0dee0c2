import { type ChildProcess, spawn } from 'node:child_process';

/** How a command ended, and all that it said. */
export interface Outcome {
  /** Exit code; 128 and more for a signal nobody handled, as in a shell. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON; null where it is none. */
  readonly json: unknown;
}

/** A command that is under way. */
export interface Started {
  readonly pid: number;
  /** Resolves once stderr has a match; rejects when the command ended, or after the time, without one. */
  said(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** What it has printed on stdout by now. */
  stdout(): string;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const SIGNAL_NUMBERS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

const ending = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (SIGNAL_NUMBERS[signal ?? 'SIGTERM'] ?? 0)));
  });

/** Starts a program without a terminal. It is killed after `timeoutMs`: no test waits for ever. */
export const start = (
  argv: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Started => {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
  let stdout = '';
  let stderr = '';
  let over = false;
  const watchers = new Set<() => void>();
  const tell = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    tell();
  });
  const ended = ending(child).then((code) => {
    clearTimeout(timer);
    over = true;
    tell();
    return { code, stdout, stderr, json: parsed(stdout) };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    stdout: () => stdout,
    signal: (name) => {
      child.kill(name);
    },
    said: (pattern, timeoutMs = 60_000) =>
      new Promise((resolve, reject) => {
        const done = (failure: string | null) => {
          clearTimeout(deadline);
          watchers.delete(look);
          if (failure === null) resolve();
          else reject(new Error(`${failure} without saying ${pattern}:\n${stderr}`));
        };
        const look = () => {
          if (pattern.test(stderr)) done(null);
          else if (over) done('it ended');
        };
        const deadline = setTimeout(() => done(`${timeoutMs / 1000} s went by`), timeoutMs);
        watchers.add(look);
        look();
      }),
  };
};
