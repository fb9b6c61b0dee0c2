import { readdir, readFile } from 'node:fs/promises';
import { DeployError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { MARKER_VARIABLE } from './marker.ts';
import { signalGroup } from './process-group.ts';

export { runnerMarker } from './marker.ts';

const GRACE_MS = 2_000;
const POLL_MS = 50;
/** How long processes may take to disappear after SIGKILL: one that waits for a dead disk never does. */
const LAST_WAIT_MS = 10_000;

/** The unit that a run gets where systemd is there; whatever it starts is in its control group, whatever its environment. */
export const scopeOf = (marker: string): string => `kaleem-deploy-${marker}.scope`;

const read = (pid: number, file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');

/** Fields of /proc/PID/stat (proc_pid_stat(5)) after the program's name, which may hold spaces and parentheses. */
const statOf = async (pid: number): Promise<{ readonly parent: number; readonly group: number } | null> => {
  const text = await read(pid, 'stat');
  const [, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return parent === undefined || group === undefined ? null : { parent: Number(parent), group: Number(group) };
};

const selfAndAncestors = async (): Promise<ReadonlySet<number>> => {
  const spared = new Set<number>();
  for (let pid = process.pid; pid > 0 && !spared.has(pid); pid = (await statOf(pid))?.parent ?? 0) spared.add(pid);
  return spared;
};

/** A zombie has neither an environment nor a control group: it is gone. Another user's can't be read, unless by root. */
const carries = async (pid: number, marker: string): Promise<boolean> => {
  const environment = await read(pid, 'environ');
  if (environment.split('\0').includes(`${MARKER_VARIABLE}=${marker}`)) return true;
  if ((await read(pid, 'cmdline')) === '') return false;
  return (await read(pid, 'cgroup')).split('\n').some((line) => line.endsWith(`/${scopeOf(marker)}`));
};

const find = async (marker: string, spared: ReadonlySet<number>): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) if (!spared.has(pid) && (await carries(pid, marker))) found.push(pid);
  return found;
};

const signal = async (pid: number, name: NodeJS.Signals): Promise<void> => {
  try {
    process.kill(pid, name);
  } catch {
    return;
  }
  // What it started with an environment of its own, as far as it stayed in the group.
  if ((await statOf(pid))?.group === pid) signalGroup(pid, name);
};

/**
 * Ends every process of this host that carries the marker, containers' included: SIGTERM, SIGKILL 2 s later. This process
 * and its ancestors are spared. Resolves once they are gone, to how many there were.
 *
 * @throws DeployError 'halted' when one is still there 10 s after SIGKILL: what it does can't be known
 */
export const endOrphans = async (marker: string, { clock }: { readonly clock: Clock }): Promise<number> => {
  const spared = await selfAndAncestors();
  const asked = new Set<number>();
  const started = clock.monotonic();
  for (;;) {
    // Anew each time: they may start others while they end.
    const found = await find(marker, spared);
    if (found.length === 0) return asked.size;
    const elapsed = clock.monotonic() - started;
    if (elapsed > GRACE_MS + LAST_WAIT_MS) {
      throw new DeployError('halted', `processes of the dead operation can't be ended: ${found.join(', ')}`, {
        hint: `ps -o pid,stat,wchan:30,args -p ${found.join(',')}`,
      });
    }
    for (const pid of found) {
      if (elapsed >= GRACE_MS) await signal(pid, 'SIGKILL');
      else if (!asked.has(pid)) {
        await signal(pid, 'SIGTERM');
        // A stopped one would keep it for later.
        await signal(pid, 'SIGCONT');
      }
      asked.add(pid);
    }
    await clock.sleep(POLL_MS);
  }
};
