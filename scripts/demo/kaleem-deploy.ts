// The built command, run as its users run it: a process of its own, in the stack's folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const running = new Set<ChildProcess>();

/** Ctrl-C for the command that runs, if any; resolves once it has gone back and ended. */
export const interruptCommand = async (): Promise<void> => {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGINT');
      await ended;
    }),
  );
};

export interface Ran {
  readonly exitCode: number | null;
  readonly elapsedMs: number;
  /** Empty when it was shown. */
  readonly stdout: string;
}

/** `show`: its output goes to the terminal as it comes, progress bars and all; otherwise stdout is kept. */
export const kaleemDeploy = (directory: string, args: readonly string[], show: boolean): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [process.env.KALEEM_DEPLOY_PROGRAM ?? program, ...args], {
      cwd: directory,
      // Variables of this shell would win over the stack's `.env`.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: process.env.TERM },
      // Ctrl-C reaches us, and `interruptCommand` passes it on once.
      detached: true,
      stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      running.delete(child);
      resolve({ exitCode, elapsedMs: performance.now() - started, stdout });
    });
  });
