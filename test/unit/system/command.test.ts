import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeployError } from '../../../src/errors.ts';
import { lastLine, type RunOptions, systemCommands } from '../../../src/system/command.ts';
import { isAlive } from '../../support/alive.ts';

const TIMEOUT_MS = 15_000;
const PATH = process.env.PATH ?? '';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-command-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const node = (code: string, options: Partial<RunOptions> = {}) =>
  systemCommands.run([process.execPath, '-e', code], { timeoutMs: TIMEOUT_MS, ...options });

/** A process that was ended may stay a zombie where nobody reaps orphans; it runs nothing any more. */
const runs = async (pid: number): Promise<boolean> => {
  if (!isAlive(pid)) return false;
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z/.test(status);
};

const eventually = async (check: () => Promise<boolean>): Promise<boolean> => {
  for (let i = 0; i < 100; i += 1) {
    if (await check()) return true;
    await delay(30);
  }
  return false;
};

/** Code for a child that starts a sleeping grandchild, writes its pid to a file and goes on for ever. */
const parentOfSleeper = (pidFile: string, grandchild: string): string => `
  const child = require('node:child_process').spawn(${grandchild});
  require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
  console.log('ready');
  setInterval(() => {}, 1000);`;

const SLEEPER = `'sleep', ['60'], { stdio: 'inherit' }`;
/** Ignores SIGTERM, and keeps none of our pipes open. */
const STUBBORN = `process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'ignore' }`;

describe('what a command printed and how it ended', () => {
  it('keeps stdout and stderr apart, byte for byte, and the exit code', async () => {
    const result = await node(`process.stdout.write('out é\\n\\n'); process.stderr.write('err'); process.exitCode = 3`);
    expect(result).toEqual({ exitCode: 3, stdout: 'out é\n\n', stderr: 'err', timedOut: false });
  });

  it('passes arguments as they are, without a shell', async () => {
    const result = await systemCommands.run(['printf', '%s', '$HOME `id` ; * "'], { timeoutMs: TIMEOUT_MS });
    expect(result.stdout).toBe('$HOME `id` ; * "');
  });

  it('says 127 and the name of a program that is not there', async () => {
    const result = await systemCommands.run(['no-such-program-kd', 'x'], { timeoutMs: TIMEOUT_MS });
    expect(result).toEqual({ exitCode: 127, stdout: '', stderr: 'no-such-program-kd: not found', timedOut: false });
  });

  it('names the folder too when it was started in one, for that may be what is missing', async () => {
    const cwd = join(directory, 'gone');
    const result = await systemCommands.run(['true'], { timeoutMs: TIMEOUT_MS, cwd });
    expect(result).toMatchObject({ exitCode: 127, stderr: `true: not found (started in ${cwd})` });
  });

  it('says 126 and why for a file that may not be executed', async () => {
    const file = join(directory, 'plain');
    await writeFile(file, '#!/bin/true\n');
    await chmod(file, 0o600);
    const result = await systemCommands.run([file], { timeoutMs: TIMEOUT_MS });
    expect(result.exitCode).toBe(126);
    expect(result.stderr).toContain('EACCES');
  });

  it('has no exit code when a signal ended it', async () => {
    const result = await node(`process.kill(process.pid, 'SIGKILL')`);
    expect(result).toMatchObject({ exitCode: null, timedOut: false });
  });

  it('ends a command that prints more than 64 MiB and says so', async () => {
    const result = await systemCommands.run(['yes', 'x'.repeat(4096)], { timeoutMs: TIMEOUT_MS });
    expect(result).toMatchObject({ exitCode: null, timedOut: false });
    expect(lastLine(result)).toBe('yes was ended: it printed more than 64 MiB');
    expect(result.stdout.length).toBeLessThanOrEqual(64 * 1024 * 1024);
  });

  it('refuses an empty command', async () => {
    await expect(systemCommands.run([], { timeoutMs: 1 })).rejects.toMatchObject({ code: 'bug' });
  });

  it('shows the last line of stderr, or of stdout when there is none', () => {
    const result = { exitCode: 1, stdout: 'a\nb\n', stderr: '', timedOut: false };
    expect(lastLine(result)).toBe('b');
    expect(lastLine({ ...result, stderr: 'x\ny\n\n' })).toBe('y');
  });
});

describe('environment and input', () => {
  it('inherits nothing but PATH and HOME', async () => {
    process.env.KALEEM_LEAK = 'secret';
    try {
      const { stdout } = await node('console.log(Object.keys(process.env).sort().join())');
      expect(stdout.trim().split(',').sort()).toEqual(['HOME', 'PATH'].filter((name) => process.env[name]));
    } finally {
      delete process.env.KALEEM_LEAK;
    }
  });

  it('gives exactly the environment it was told, and looks the program up on its PATH', async () => {
    const result = await systemCommands.run(['env'], { timeoutMs: TIMEOUT_MS, env: { PATH, ONE: '1' } });
    expect(result.stdout.trim().split('\n').sort()).toEqual(['ONE=1', `PATH=${PATH}`]);
  });

  it('feeds the input and closes it', async () => {
    const result = await systemCommands.run(['cat'], { timeoutMs: TIMEOUT_MS, input: 'héllo' });
    expect(result.stdout).toBe('héllo');
  });

  it('does not mind a command that leaves its input unread', async () => {
    const input = 'x'.repeat(4 * 1024 * 1024);
    const result = await systemCommands.run(['true'], { timeoutMs: TIMEOUT_MS, input });
    expect(result.exitCode).toBe(0);
  });

  it('gives an empty input when there is none to give', async () => {
    expect(await systemCommands.run(['cat'], { timeoutMs: TIMEOUT_MS })).toMatchObject({ exitCode: 0, stdout: '' });
  });
});

describe('lines as they come', () => {
  it('passes on every line of both streams before it is over, the last without a newline too', async () => {
    const lines: string[] = [];
    const result = await node(
      `process.stdout.write('a\\r\\nb\\n\\nlast'); process.stderr.write('e1\\ne2'); process.exitCode = 1`,
      { onLine: (line) => lines.push(line) },
    );
    expect(lines.sort()).toEqual(['', 'a', 'b', 'e1', 'e2', 'last']);
    expect(result).toMatchObject({ exitCode: 1, stdout: 'a\r\nb\n\nlast', stderr: 'e1\ne2' });
  });

  it('passes a line on while the command still runs', async () => {
    const stop = new AbortController();
    const run = node(`console.log('first'); setInterval(() => {}, 1000)`, {
      signal: stop.signal,
      onLine: (line) => stop.abort(new Error(`saw ${line}`)),
    });
    await expect(run).rejects.toThrow('saw first');
  });

  it('never mixes half a line of stdout with one of stderr', async () => {
    const lines: string[] = [];
    await node(
      `process.stdout.write('out-'); setTimeout(() => { process.stderr.write('err\\n'); setTimeout(() => console.log('end'), 50) }, 50)`,
      { onLine: (line) => lines.push(line) },
    );
    expect(lines).toEqual(['err', 'out-end']);
  });

  it('keeps characters whole that arrive in two pieces', async () => {
    const lines: string[] = [];
    await node(
      `process.stdout.write(Buffer.from([0xc3])); setTimeout(() => process.stdout.write(Buffer.from([0xa9, 10])), 50)`,
      { onLine: (line) => lines.push(line) },
    );
    expect(lines).toEqual(['é']);
  });

  it('keeps the last MiB of a stream whose lines were passed on, however long it was', async () => {
    let bytes = 0;
    const count = 3 * 1024;
    const result = await node(
      `const line = 'x'.repeat(1023) + '\\n'; for (let i = 0; i < ${count}; i++) process.stdout.write(line); console.log('end')`,
      {
        onLine: (line) => {
          bytes += line.length + 1;
        },
      },
    );
    expect(bytes).toBe(count * 1024 + 4);
    expect(result.stdout).toHaveLength(1024 * 1024);
    expect(lastLine(result)).toBe('end');
  });

  it('rejects with what the listener threw, once the command is over', async () => {
    let calls = 0;
    const run = node(`console.log('a'); console.log('b'); setTimeout(() => {}, 50)`, {
      onLine: () => {
        calls += 1;
        throw new DeployError('check-failed', 'listener broke');
      },
    });
    await expect(run).rejects.toMatchObject({ message: 'listener broke' });
    expect(calls).toBe(1);
  });
});

describe('ending a command', () => {
  it('ends it at its deadline and says that it timed out', async () => {
    const result = await systemCommands.run(['sleep', '60'], { timeoutMs: 100 });
    expect(result).toMatchObject({ exitCode: null, timedOut: true });
  });

  it('takes a deadline beyond what a timer can hold', async () => {
    const result = await systemCommands.run(['sleep', '0.2'], { timeoutMs: 2 ** 40 });
    expect(result).toMatchObject({ exitCode: 0, timedOut: false });
  });

  it('does not start it when the signal is aborted already', async () => {
    const marker = join(directory, 'marker');
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(systemCommands.run(['touch', marker], { timeoutMs: TIMEOUT_MS, signal })).rejects.toThrow('stopped');
    await expect(readFile(marker)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['a grandchild that holds our pipe', SLEEPER],
    ['a grandchild that ignores SIGTERM and has its output elsewhere', STUBBORN],
  ])('ends the whole process group on abort: %s', async (_, grandchild) => {
    const pidFile = join(directory, 'pid');
    const stop = new AbortController();
    const run = node(parentOfSleeper(pidFile, grandchild), {
      signal: stop.signal,
      onLine: () => stop.abort(new DeployError('interrupted', 'Ctrl-C')),
    });
    await expect(run).rejects.toMatchObject({ code: 'interrupted', message: 'Ctrl-C' });
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(await eventually(async () => !(await runs(pid)))).toBe(true);
  });

  it('kills what does not heed SIGTERM, 5 s later', async () => {
    const lines: string[] = [];
    const stop = new AbortController();
    let stopped = 0;
    const run = node(
      `process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000); console.log('ready')`,
      {
        signal: stop.signal,
        onLine: (line) => {
          lines.push(line);
          if (line !== 'ready') return;
          stopped = performance.now();
          stop.abort(new Error('stop'));
        },
      },
    );
    await expect(run).rejects.toThrow('stop');
    expect(lines).toEqual(['ready', 'no']);
    expect(performance.now() - stopped).toBeGreaterThan(4_990);
    expect(performance.now() - stopped).toBeLessThan(12_000);
  });

  it('lets a command that heeds SIGTERM clean up', async () => {
    const marker = join(directory, 'cleaned');
    const stop = new AbortController();
    const run = node(
      `process.on('SIGTERM', () => setTimeout(() => { require('node:fs').writeFileSync(${JSON.stringify(marker)}, ''); process.exit() }, 200));
       setInterval(() => {}, 1000); console.log('ready')`,
      { signal: stop.signal, onLine: () => stop.abort(new Error('stop')) },
    );
    await expect(run).rejects.toThrow('stop');
    await expect(readFile(marker, 'utf8')).resolves.toBe('');
  });

  it('is not reached by the signals of our terminal: it has a session of its own', async () => {
    const { stdout } = await systemCommands.run(['cat', '/proc/self/stat'], { timeoutMs: TIMEOUT_MS });
    const [pid, session] = [stdout.split(' ')[0], stdout.split(') ')[1]?.split(' ')[3]];
    expect(session).toBe(pid);
  });

  it('does not outlive us when we exit in the middle of it', async () => {
    const pidFile = join(directory, 'pid');
    const command = new URL('../../../src/system/command.ts', import.meta.url).href;
    const script = join(directory, 'owner.mts');
    const code = `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); console.log('up'); setInterval(() => {}, 1000)`;
    await writeFile(
      script,
      `import { systemCommands } from ${JSON.stringify(command)};
       await systemCommands.run([process.execPath, '-e', ${JSON.stringify(code)}], { timeoutMs: 60000, onLine: () => process.exit(7) });`,
    );
    const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
    const owner = spawn(process.execPath, ['--import', tsx, script], { stdio: 'inherit' });
    const exitCode = await new Promise((resolve) => owner.once('exit', resolve));
    expect(exitCode).toBe(7);
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(await eventually(async () => !(await runs(pid)))).toBe(true);
  });
});
