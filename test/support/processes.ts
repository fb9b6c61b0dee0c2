import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Stack } from './stack.ts';

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/**
 * Every process of the tool's that works on a stack: those in its folder, those that name it or its project, and all that
 * descend from them. Its containers' processes see other folders and are not among them.
 */
export const toolProcesses = async (stack: Stack): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const facts = await Promise.all(
    pids.map(async (pid) => {
      const command = (await read(`/proc/${pid}/cmdline`)).split('\0').join(' ');
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      const named = [stack.project, stack.directory].some((text) => command.includes(text));
      const parent = Number(/^PPid:\t(\d+)/m.exec(await read(`/proc/${pid}/status`))?.[1] ?? 0);
      return { pid, parent, own: pid !== process.pid && (named || folder.startsWith(stack.directory)) };
    }),
  );
  const own = new Set(facts.filter((each) => each.own).map(({ pid }) => pid));
  for (let before = -1; before !== own.size; ) {
    before = own.size;
    for (const { pid, parent } of facts) if (own.has(parent)) own.add(pid);
  }
  return [...own];
};

/** Sends a signal to all of them, again until none has come since: a process may be starting another one just now. */
export const signalTool = async (stack: Stack, signal: 'SIGSTOP' | 'SIGKILL'): Promise<number> => {
  const signalled = new Set<number>();
  for (;;) {
    const fresh = (await toolProcesses(stack)).filter((pid) => !signalled.has(pid));
    if (fresh.length === 0) return signalled.size;
    for (const pid of fresh) {
      signalled.add(pid);
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
  }
};
