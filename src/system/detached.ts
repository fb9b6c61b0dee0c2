import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { around } from './failpoints/around.ts';

const FIRST_LINE_MS = 10_000;

/**
 * Starts a program that outlives us, in a session of its own, and resolves with its pid and the first line it prints.
 * Rejects when it ends or says nothing within 10 s.
 */
export const startDetached = (
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly pid: number; readonly firstLine: string }> =>
  around('process.start', () => spawnDetached(argv, env));

const spawnDetached = (
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly pid: number; readonly firstLine: string }> =>
  new Promise((resolve, reject) => {
    const [file = '', ...args] = argv;
    const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env });
    const fail = (reason: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${file} ${reason}`));
    };
    const timer = setTimeout(() => fail('said nothing for 10 s'), FIRST_LINE_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with code ${code}`));
    createInterface(child.stdout).once('line', (firstLine) => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      child.stdout.destroy();
      child.unref();
      resolve({ pid: child.pid ?? 0, firstLine });
    });
  });

/** Ends a process of ours, when the pid still is one: `marker` must be among its arguments. */
export const endProcess = async (pid: number, marker: string): Promise<void> => {
  const { readFile } = await import('node:fs/promises');
  const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!argv.split('\0').includes(marker)) return;
  await around('process.end', async () => process.kill(pid, 'SIGTERM'));
};
