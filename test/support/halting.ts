import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Started } from './command.ts';
import type { Stack } from './stack.ts';

const POLL_MS = 10;
const PATIENCE_MS = 120_000;

/** A command that stands still (SIGSTOP) at a failpoint. */
export interface Halted {
  readonly command: Started;
  /** Lets it go on. */
  resume(): Promise<void>;
}

/** Runs the tool until it is at the failpoint `NAME#N`. Rejects when it ends without having been there. */
export const runUntil = async (
  stack: Stack,
  point: string,
  argv: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Halted> => {
  const trace = join(stack.directory, `.trace-${Math.random().toString(36).slice(2)}`);
  const at = point.includes('#') ? point : `${point}#1`;
  const failpoints = { KALEEM_FAILPOINTS: `${at}=stop`, KALEEM_FAILPOINTS_TRACE: trace };
  const command = stack.armed({ ...variables, ...failpoints }, ...argv);
  let over = false;
  const ended = command.ended.then((outcome) => {
    over = true;
    return outcome;
  });
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const lines = (await readFile(trace, 'utf8').catch(() => '')).split('\n');
    const met = lines.find((line) => line.endsWith(` ${at}`));
    if (met !== undefined) {
      const [pid = ''] = met.split(' ');
      return { command, resume: () => stack.signal(Number(pid), 'SIGCONT') };
    }
    if (over || Date.now() > deadline) {
      command.signal('SIGKILL');
      throw new Error(`${argv.join(' ')} never came to ${at}:\n${(await ended).stderr}\n${lines.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};
