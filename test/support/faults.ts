import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './command.ts';
import type { Stack } from './stack.ts';
import { creates, DISK_CALLS, isOpen, readCalls, type SystemCall, traceOption } from './system-calls.ts';

const HOLD = fileURLToPath(new URL('hold.cjs', import.meta.url));
const POLL_MS = 5;
const ATTACH_MS = 10_000;

/** One call of one process to fail, once. */
export interface Fault {
  /** Processes of a run are numbered as they start. */
  readonly process: number;
  readonly call: string;
  /** The how manieth call of that name of the process's file thread, from 1. */
  readonly nth: number;
  readonly error: string;
}

export interface Traced {
  readonly outcome: Outcome;
  /** By process, those of its file thread. */
  readonly calls: readonly (readonly SystemCall[])[];
}

interface Held {
  readonly pid: number;
  readonly worker: number;
}

const within = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + ATTACH_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ATTACH_MS / 1000} s`);
    await sleep(POLL_MS);
  }
};

const statusOf = async (pid: number, task: number): Promise<string> =>
  readFile(`/proc/${pid}/task/${task}/status`, 'utf8').catch(() => '');

/** Attaches strace to the file thread of a process that waits for it, and lets the process go on. */
const attach = async ({ pid, worker }: Held, output: string, fault: Fault | null) => {
  await within(`process ${pid} stops`, async () => /^State:\tT/m.test(await statusOf(pid, pid)));
  const inject = fault === null ? [] : ['-e', `inject=${fault.call}:error=${fault.error}:when=${fault.nth}`];
  // Not -f, which would take in the process's other threads, whose calls are of no fixed number.
  const options = ['-y', '-s', '0', '-o', output, '-e', `trace=${traceOption(DISK_CALLS)}`, ...inject];
  const strace = spawn('strace', [...options, '-p', String(worker)], { stdio: 'ignore' });
  const over = new Promise<void>((resolve) => strace.once('close', () => resolve()));
  await within(`strace attaches to ${worker}`, async () => /^TracerPid:\t[1-9]/m.test(await statusOf(pid, worker)));
  process.kill(pid, 'SIGCONT');
  return { over };
};

/** Runs a command of the tool, the file calls of all its processes traced, and one of them failed where a fault is given. */
export const runTraced = async (stack: Stack, argv: readonly string[], fault: Fault | null = null): Promise<Traced> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-held-'));
  const output = (index: number): string => join(folder, `trace-${index}`);
  try {
    const started = stack.startWith(
      { NODE_OPTIONS: `--require=${HOLD}`, UV_THREADPOOL_SIZE: '1', KALEEM_HOLD: folder },
      ...argv,
    );
    let over = false;
    const ended = started.ended.finally(() => {
      over = true;
    });
    const known = new Set<string>();
    const tracers: Promise<void>[] = [];
    while (!over) {
      for (const name of (await readdir(folder)).filter((each) => each.endsWith('.json') && !known.has(each))) {
        const index = known.size;
        known.add(name);
        const { worker } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { readonly worker: number };
        const held = { pid: Number(name.split('.')[0]), worker };
        tracers.push((await attach(held, output(index), fault?.process === index ? fault : null)).over);
      }
      await sleep(POLL_MS);
    }
    await Promise.race([Promise.all(tracers), sleep(ATTACH_MS)]);
    const calls = await Promise.all(tracers.map((_, index) => readCalls(output(index))));
    return { outcome: await ended, calls };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const CHANGING =
  /^(p?write|writev|pwritev|copy_file_range|f?truncate|fallocate|fsync|fdatasync|rename|link|symlink|mkdir|unlink|rmdir|f?ch(mod|own))/;

/** Whether a call changes something below a folder, or makes sure of it. */
export const touches = (call: SystemCall, folder: string): boolean =>
  call.paths.some((path) => path.startsWith(`${folder}/`)) && (isOpen(call) ? creates(call) : CHANGING.test(call.name));

/** `fsync .kaleem/operations/#/journal.jsonl`: the same from run to run. */
export const labelOf = (call: SystemCall, folder: string): string => {
  const path = call.paths.findLast((each) => each.startsWith(`${folder}/`)) ?? '';
  const same = path
    .slice(folder.length + 1)
    .replace(/\d{6,}-[0-9a-f]{4}(?=\/|$)/, '#')
    .replace(/\d{6,}/g, '#')
    .replace(/[0-9a-f]{8}/g, '~');
  return `${isOpen(call) ? 'create' : call.name} ${same}`;
};

/** Each call of a traced run below a folder, as a fault that fails it. */
export const faultsOf = (
  { calls }: Traced,
  folder: string,
  error: string,
): readonly (Fault & { readonly label: string })[] =>
  calls.flatMap((own, process) => {
    const counts = new Map<string, number>();
    return own.flatMap((call) => {
      const nth = (counts.get(call.name) ?? 0) + 1;
      counts.set(call.name, nth);
      return touches(call, folder) ? [{ process, call: call.name, nth, error, label: labelOf(call, folder) }] : [];
    });
  });

/** What a fault hit, if anything. */
export const hitOf = ({ calls }: Traced): SystemCall | null => calls.flat().find(({ injected }) => injected) ?? null;
