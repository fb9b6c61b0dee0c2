import { readdirSync, readFileSync } from 'node:fs';
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

/** At once: what is in /proc comes from memory, and a scan of all of it must not take a thousand turns. */
const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    // Gone, or another user's.
    return '';
  }
};

/** Fields of /proc/PID/stat (proc_pid_stat(5)) after the program's name, which may hold spaces and parentheses. */
const statOf = (pid: number): { readonly parent: number; readonly group: number } | null => {
  const text = read(pid, 'stat');
  const [, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return parent === undefined || group === undefined ? null : { parent: Number(parent), group: Number(group) };
};

const selfAndAncestors = (): ReadonlySet<number> => {
  const spared = new Set<number>();
  for (let pid = process.pid; pid > 0 && !spared.has(pid); pid = statOf(pid)?.parent ?? 0) spared.add(pid);
  return spared;
};

/** A zombie has neither environment nor arguments: it is gone. */
const carries = (pid: number, marker: string): boolean =>
  read(pid, 'environ').split('\0').includes(`${MARKER_VARIABLE}=${marker}`) ||
  (read(pid, 'cgroup')
    .split('\n')
    .some((line) => line.endsWith(`/${scopeOf(marker)}`)) &&
    read(pid, 'cmdline') !== '');

const find = (marker: string, spared: ReadonlySet<number>): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !spared.has(pid) && carries(pid, marker));

const signal = (pid: number, name: NodeJS.Signals): void => {
  // Before it dies: what it started with an environment of its own is found by its group alone.
  const leads = statOf(pid)?.group === pid;
  try {
    process.kill(pid, name);
  } catch {
    return;
  }
  if (leads) signalGroup(pid, name);
};

/**
 * Ends every process of this host that carries the marker, containers' included: SIGTERM, SIGKILL 2 s later. This process
 * and its ancestors are spared. Resolves once they are gone, to how many there were.
 *
 * @throws DeployError 'halted' when one is still there 10 s after SIGKILL: what it does can't be known
 */
export const endOrphans = async (marker: string, { clock }: { readonly clock: Clock }): Promise<number> => {
  const spared = selfAndAncestors();
  const asked = new Set<number>();
  const started = clock.monotonic();
  for (;;) {
    // Anew each time: they may start others while they end.
    const found = find(marker, spared);
    if (found.length === 0) return asked.size;
    const elapsed = clock.monotonic() - started;
    if (elapsed > GRACE_MS + LAST_WAIT_MS) {
      throw new DeployError('halted', `processes of the dead operation can't be ended: ${found.join(', ')}`, {
        hint: `ps -o pid,stat,wchan:30,args -p ${found.join(',')}`,
      });
    }
    for (const pid of found) {
      if (elapsed >= GRACE_MS) signal(pid, 'SIGKILL');
      else if (!asked.has(pid)) {
        signal(pid, 'SIGTERM');
        // A stopped one would keep it for later.
        signal(pid, 'SIGCONT');
      }
      asked.add(pid);
    }
    await clock.sleep(POLL_MS);
  }
};
