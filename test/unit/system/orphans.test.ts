import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { MARKER_VARIABLE } from '../../../src/system/marker.ts';
import { endOrphans, runnerMarker } from '../../../src/system/orphans.ts';
import { carriersOf } from '../../support/runners.ts';

const newMarker = (): string => randomBytes(8).toString('hex');
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  delete process.env[MARKER_VARIABLE];
});

/** A shell script with the marker in its environment; resolves once it says that it is ready. */
const marked = async (marker: string, script: string): Promise<ChildProcess> => {
  const child = spawn('sh', ['-c', script], {
    ...{ env: { PATH: process.env.PATH, [MARKER_VARIABLE]: marker }, detached: true },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout ?? child, 'data');
  return child;
};

const end = (marker: string) => endOrphans(marker, { clock: systemClock });

describe('processes that carry a marker', () => {
  it('are ended, those in sessions of their own too, and counted', async () => {
    const marker = newMarker();
    await marked(marker, 'setsid sleep 300 & sleep 301 & echo ready; sleep 302');
    await expect.poll(async () => (await carriersOf(marker)).length).toBe(4);
    expect(await end(marker)).toBe(4);
    expect(await carriersOf(marker)).toEqual([]);
  });

  it('are killed when they ignore it', async () => {
    const marker = newMarker();
    const child = await marked(marker, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    const exit = once(child, 'exit');
    expect(await end(marker)).toBeGreaterThanOrEqual(1);
    expect(await exit).toEqual([null, 'SIGKILL']);
    expect(await carriersOf(marker)).toEqual([]);
  });

  it('get the time to end by themselves', async () => {
    const marker = newMarker();
    const child = await marked(marker, "trap 'sleep 0.3; exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    const exit = once(child, 'exit');
    await end(marker);
    expect(await exit).toEqual([7, null]);
  });

  it('are ended when they are stopped', async () => {
    const marker = newMarker();
    const child = await marked(marker, 'echo ready; exec sleep 300');
    child.kill('SIGSTOP');
    expect(await end(marker)).toBe(1);
  });

  it('take along what they started with an environment of its own', async () => {
    const marker = newMarker();
    const child = spawn('sh', ['-c', 'env -i sleep 300 & echo $!; sleep 301'], {
      ...{ env: { PATH: process.env.PATH, [MARKER_VARIABLE]: marker }, detached: true },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    const [pid] = await once(child.stdout, 'data');
    await end(marker);
    // Gone, or a zombie.
    const argv = () => readFile(`/proc/${String(pid).trim()}/cmdline`, 'utf8').catch(() => '');
    await expect.poll(argv).toBe('');
  });

  it('of other runs are left alone, and so is whoever asks', async () => {
    const [marker, other] = [newMarker(), newMarker()];
    await marked(other, 'echo ready; exec sleep 300');
    const asking = `
      const { endOrphans } = await import(${JSON.stringify(new URL('../../../src/system/orphans.ts', import.meta.url).href)});
      const { systemClock } = await import(${JSON.stringify(new URL('../../../src/system/clock.ts', import.meta.url).href)});
      console.log(await endOrphans(${JSON.stringify(marker)}, { clock: systemClock }));
    `;
    const child = spawn(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', asking],
      {
        env: { PATH: process.env.PATH, [MARKER_VARIABLE]: marker },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    children.push(child);
    let said = '';
    child.stdout?.on('data', (text) => {
      said += text;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    // What tsx itself started, perhaps; never itself.
    expect(Number(said)).toBeGreaterThanOrEqual(0);
    expect(await carriersOf(other)).toHaveLength(1);
  });

  it('are none: nothing is done', async () => {
    expect(await end(newMarker())).toBe(0);
  });
});

describe('the marker', () => {
  it.each(['', 'x', '0123456789ABCDEF', '0123456789abcdef0', '../../etc/passwd0'])('is not %j', (text) => {
    process.env[MARKER_VARIABLE] = text;
    expect(runnerMarker()).toBeNull();
  });

  it('goes on to every command, with an environment of its own or without', async () => {
    const marker = newMarker();
    process.env[MARKER_VARIABLE] = marker;
    expect(runnerMarker()).toBe(marker);
    const path = { PATH: process.env.PATH ?? '' };
    for (const options of [{}, { env: path }, { env: { ...path, [MARKER_VARIABLE]: 'another' } }]) {
      const { stdout } = await systemCommands.run(['env'], { timeoutMs: 5_000, ...options });
      expect(stdout.split('\n')).toContain(`${MARKER_VARIABLE}=${marker}`);
    }
    delete process.env[MARKER_VARIABLE];
    const { stdout } = await systemCommands.run(['env'], { timeoutMs: 5_000 });
    expect(stdout).not.toContain(MARKER_VARIABLE);
  });
});
