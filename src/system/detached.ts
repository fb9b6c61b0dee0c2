import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
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

/** The file descriptor of a detached process's channel. */
const CHANNEL = 3;
const LAST_CHARACTERS = 4_096;

/** A process in a session of its own, which a closed terminal or our own death does not touch. */
export interface DetachedProcess {
  /** Ours to it and its to us; ends when it does. */
  readonly channel: Duplex;
  /** Resolves once it is gone, with its exit code (null: ended by a signal, or never started) and the end of its stderr. */
  readonly gone: Promise<{ readonly exitCode: number | null; readonly complaint: string }>;
}

/**
 * Starts a process that has nothing of our terminal: no stdin, stdout thrown away, stderr kept as long as we live, and a
 * channel for whatever the two have to say to each other.
 */
export const startWithChannel = (
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): DetachedProcess => {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env });
  const channel = child.stdio[CHANNEL] as Duplex;
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-LAST_CHARACTERS);
  });
  channel.on('error', () => {});
  const gone = new Promise<{ exitCode: number | null; complaint: string }>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: null, complaint: error.message }));
    // Not `close`: what it started may hold its stderr.
    child.once('exit', (exitCode) => setImmediate(() => resolve({ exitCode, complaint })));
  });
  child.unref();
  return { channel, gone };
};

/** The other end of the channel, in the process that was started. */
export const inheritedChannel = (): Duplex => new Socket({ fd: CHANNEL, readable: true, writable: true });
