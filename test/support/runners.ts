import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MARKER_VARIABLE } from '../../src/system/marker.ts';

/** A process that runs an operation. */
export interface Runner {
  readonly pid: number;
  readonly marker: string;
}

const SETTLED_MS = 120_000;

const runnerAt = async (pid: string, directory: string): Promise<Runner | null> => {
  const [cwd, argv, environment] = await Promise.all([
    readlink(`/proc/${pid}/cwd`),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
    readFile(`/proc/${pid}/environ`, 'utf8'),
  ]).catch(() => ['', '', '']);
  if (cwd !== directory || !/runner-process\.[jt]s\0/.test(argv ?? '')) return null;
  const line = (environment ?? '').split('\0').find((each) => each.startsWith(`${MARKER_VARIABLE}=`));
  return line === undefined ? null : { pid: Number(pid), marker: line.slice(MARKER_VARIABLE.length + 1) };
};

/** The runners that were started in a folder and are still there. */
export const runnersIn = async (directory: string): Promise<readonly Runner[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => runnerAt(pid, directory)));
  return found.filter((each) => each !== null);
};

/** Processes that carry a runner's marker, itself included. */
export const carriersOf = async (marker: string): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(`${MARKER_VARIABLE}=${marker}`) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
};

export const untilNone = async (runners: () => Promise<readonly Runner[]>): Promise<void> => {
  const deadline = performance.now() + SETTLED_MS;
  while ((await runners()).length > 0) {
    if (performance.now() > deadline) throw new Error('the runner did not end');
    await delay(100);
  }
};
