import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../../src/system/durable-file.ts';
import { handleFailpoints, parseFailpoints } from '../../../src/system/failpoints/armed.ts';
import { around, withFailpoints } from '../../../src/system/failpoints/around.ts';
import { dieAt, traced } from '../../support/failpoints.ts';
import { type Compiled, compileSources } from '../operation/compile.ts';

const SCRIPT = `
import { replaceFile } from './system/durable-file.js';
for (const text of ['one', 'two', 'three']) {
  await replaceFile(process.argv[2], text).catch(({ code, errno, syscall, message }) => {
    console.log(JSON.stringify({ text, code, errno, syscall, message }));
  });
}
console.log('done');
`;

let compiled: Compiled;
let script = '';
let folder = '';
beforeAll(async () => {
  compiled = await compileSources();
  script = await compiled.script('write-three', SCRIPT);
});
afterAll(() => compiled.remove());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaleem-failpoints-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const startNode = (
  env: Readonly<Record<string, string>>,
  { condition = true, program = script } = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } => {
  const args = [...(condition ? ['--conditions=failpoints'] : []), program, join(folder, 'file')];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  return { child, ended };
};
const node = (env: Readonly<Record<string, string>>, options = {}): Promise<Ended> => startNode(env, options).ended;
const content = (): Promise<string> => readFile(join(folder, 'file'), 'utf8');

describe('a normal run', () => {
  it('does not load the armed file: it works without it, and with the condition it does not', async () => {
    const bare = await compileSources();
    try {
      await rm(join(bare.directory, 'system/failpoints/armed.js'));
      const program = await bare.script('write-three', SCRIPT);
      const env = { KALEEM_FAILPOINTS: 'file.rename.before=kill' };
      expect(await node(env, { condition: false, program })).toMatchObject({ code: 0, stdout: 'done\n' });
      expect(await content()).toBe('three');
      expect((await node(env, { program })).stderr).toContain('armed.js');
    } finally {
      await bare.remove();
    }
  });

  it('takes no notice of the variables', async () => {
    const trace = join(folder, 'trace');
    const env = { KALEEM_FAILPOINTS: 'file.rename.before=kill', KALEEM_FAILPOINTS_TRACE: trace };
    expect(await node(env, { condition: false })).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(existsSync(trace)).toBe(false);
  });
});

describe('an armed run', () => {
  it('is like a normal one when nothing is named', async () => {
    expect(await node({})).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(await content()).toBe('three');
  });

  it('is killed at the first hit unless told', async () => {
    expect(await node({ KALEEM_FAILPOINTS: 'file.rename.before=kill' })).toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.file\.[0-9a-f]{8}\.tmp$/)]);
  });

  it('is killed at the hit that is named', async () => {
    expect(await node({ KALEEM_FAILPOINTS: 'file.rename.after#2=kill' })).toMatchObject({ signal: 'SIGKILL' });
    expect(await content()).toBe('two');
  });

  it('fails as a system call does', async () => {
    const { code, stdout } = await node({
      KALEEM_FAILPOINTS: 'file.create.written#2=fail:ENOSPC;file.rename.before#2=fail:EXDEV:rename',
    });
    expect(code).toBe(0);
    const [second, third] = stdout.split('\n').map((line) => (line.startsWith('{') ? JSON.parse(line) : null));
    expect(second).toEqual({
      ...{ text: 'two', code: 'ENOSPC', errno: -28, syscall: 'write' },
      message: 'ENOSPC: no space left on device, write',
    });
    expect(third).toMatchObject({ text: 'three', code: 'EXDEV', errno: -18, syscall: 'rename' });
    expect(await content()).toBe('one');
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('fails every time with *', async () => {
    const { stdout } = await node({ KALEEM_FAILPOINTS: 'file.create.before#*=fail:EROFS:open' });
    expect(stdout.match(/EROFS: read-only file system, open/g)).toHaveLength(3);
  });

  it('hangs, and stays', async () => {
    const { child, ended } = startNode({ KALEEM_FAILPOINTS: 'file.rename.after#2=hang' });
    await expect.poll(() => content().catch(() => ''), { timeout: 10_000 }).toBe('two');
    const over = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500, 'hangs'))]);
    expect(over).toBe('hangs');
    child.kill('SIGKILL');
    await ended;
    expect(await content()).toBe('two');
  });

  it('is late', async () => {
    const started = performance.now();
    expect(await node({ KALEEM_FAILPOINTS: 'file.rename.after#3=delay:700' })).toMatchObject({ code: 0 });
    expect(performance.now() - started).toBeGreaterThan(700);
  });

  it('is stopped, and goes on when it is told', async () => {
    const { child, ended } = startNode({ KALEEM_FAILPOINTS: 'file.rename.after#2=stop' });
    const state = async () => /^\d+ \(.*\) (\S)/.exec(await readFile(`/proc/${child.pid}/stat`, 'utf8'))?.[1];
    await expect.poll(state, { timeout: 10_000 }).toBe('T');
    expect(await content()).toBe('two');
    child.kill('SIGCONT');
    expect(await ended).toMatchObject({ code: 0, stdout: 'done\n' });
  });

  it('writes down each hit with its number', async () => {
    const trace = join(folder, 'trace');
    await node({ KALEEM_FAILPOINTS_TRACE: trace });
    const lines = (await readFile(trace, 'utf8')).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\d+ file\.create\.before#1$/);
    expect(lines.filter((line) => /^\d+ file\.rename\.after#/.test(line)).map((line) => line.split('#')[1])).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('writes down the hit that kills it', async () => {
    const trace = join(folder, 'trace');
    await node({ KALEEM_FAILPOINTS_TRACE: trace, KALEEM_FAILPOINTS: 'file.create.written#2=kill' });
    expect((await readFile(trace, 'utf8')).trimEnd().split('\n').at(-1)).toMatch(/file\.create\.written#2$/);
  });

  it.each([
    'file.rename.before',
    'file.rename.before=die',
    'file.rename.before#0=kill',
    'file.rename.before#one=kill',
    'file.rename.before=fail:ENOTHING',
    'file.rename.before=delay:',
    'file rename=kill',
  ])('does not start with %s', async (text) => {
    expect(() => parseFailpoints(text)).toThrow('KALEEM_FAILPOINTS');
  });

  it('says so', async () => {
    const { code, stderr } = await node({ KALEEM_FAILPOINTS: 'file.rename.before=die' });
    expect(code).toBe(1);
    expect(stderr).toContain('die is not kill, stop, hang, delay:MS or fail:ERRNO');
  });
});

describe('within a test', () => {
  afterEach(() => handleFailpoints(null));

  it('a handler sees each hit, counted from when it was set', async () => {
    const path = join(folder, 'file');
    expect(await traced(() => replaceFile(path, 'one'))).toEqual(await traced(() => replaceFile(path, 'two')));
    const hits = await traced(async () => {
      await around('a', async () => {});
      await around('a', async () => {});
    });
    expect(hits).toEqual(['a.before#1', 'a.after#1', 'a.before#2', 'a.after#2']);
  });

  it('a death never goes on, nor does anybody beside it', async () => {
    const path = join(folder, 'file');
    await replaceFile(path, 'one');
    const death = dieAt('file.rename.before');
    const outcomes: string[] = [];
    replaceFile(path, 'two').then(() => outcomes.push('replaced'));
    await death.met;
    around('b', async () => {}).then(() => outcomes.push('beside'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(outcomes).toEqual([]);
    expect(await content()).toBe('one');
    await death.bury();
    await replaceFile(path, 'three');
    expect(await content()).toBe('three');
  });

  it('a death leaves nothing open', async () => {
    const open = async () => {
      const names = await readdir('/proc/self/fd');
      const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
      return paths.filter((path) => path.startsWith(folder));
    };
    const death = dieAt('file.create.written');
    void replaceFile(join(folder, 'file'), 'one');
    await death.met;
    expect(await open()).toHaveLength(1);
    await death.bury();
    expect(await open()).toEqual([]);
  });

  it('an effect that fails does not meet the point after it', async () => {
    const hits = await traced(() =>
      around('c', async () => {
        throw new Error('no');
      }).catch(() => {}),
    );
    expect(hits).toEqual(['c.before#1']);
  });

  it('methods are wrapped by name, and the others left alone', async () => {
    const object = { go: async (word: string) => `${word}!`, look: async () => 'seen' };
    const wrapped = withFailpoints('thing', object, ['go']);
    const hits = await traced(async () => {
      expect(await wrapped.go('now')).toBe('now!');
      expect(await wrapped.look()).toBe('seen');
    });
    expect(hits).toEqual(['thing.go.before#1', 'thing.go.after#1']);
  });
});
