import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a process that was told to end, or whose work is done, has to be gone. */
const PATIENCE_MS = 2_000;

export interface ProcessSigns {
  /** One of these in a command line, or as the folder a process works in, gives it away. */
  readonly texts: readonly string[];
  /** Values of KALEEM_DEPLOY_RUNNER, which a runner and all that it starts carry in their environment. */
  readonly markers: readonly string[];
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const found = async ({ texts, markers }: ProcessSigns): Promise<readonly string[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const looked = await Promise.all(
    pids.map(async (pid) => {
      const command = (await read(`/proc/${pid}/cmdline`)).split('\0').join(' ').trim();
      // A kernel thread, or one that has ended and waits to be noticed.
      if (command === '') return [];
      const directory = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      const variables = (await read(`/proc/${pid}/environ`)).split('\0');
      const isOurs =
        texts.some((text) => command.includes(text) || directory.startsWith(text)) ||
        markers.some((marker) => variables.includes(`KALEEM_DEPLOY_RUNNER=${marker}`));
      return isOurs ? [`process ${pid} is left: ${command.slice(0, 200)}`] : [];
    }),
  );
  return looked.flat();
};

/** Processes that belong to a project's operations and should have ended. */
export const processesOf = async (signs: ProcessSigns): Promise<readonly string[]> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const left = await found(signs);
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(100);
  }
};
