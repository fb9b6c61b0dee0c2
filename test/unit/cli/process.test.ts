import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/version-number.ts';

const root = new URL('../../../', import.meta.url);
const source = (name: string): Promise<string> => readFile(new URL(`src/${name}`, root), 'utf8');

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs node; `closeStdout` hangs up before anything is read. */
const node = (args: readonly string[], { cwd = '/', closeStdout = false } = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    if (closeStdout) child.stdout.destroy();
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });

const tsx = ['--import', import.meta.resolve('tsx'), new URL('src/cli/main.ts', root).pathname];

describe('the process', () => {
  it('says that a runner died whose end is told a while after its channel closed', async () => {
    const script = new URL('dying-runner.ts', import.meta.url).pathname;
    const { exitCode, stdout, stderr } = await node(['--import', import.meta.resolve('tsx'), script]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('the process that ran this deploy died before it said how it ended'),
    });
  });

  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-cli-'));
    await mkdir(join(folder, 'cli'));
    for (const name of ['cli/main.ts', 'version-number.ts']) {
      const { outputText } = ts.transpileModule(await source(name), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2023,
          module: ts.ModuleKind.ESNext,
          rewriteRelativeImportExtensions: true,
          verbatimModuleSyntax: true,
        },
      });
      await writeFile(join(folder, name.replace('.ts', '.js')), outputText);
    }
    await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['--version', '-V', 'version'])('%s needs nothing but two files', async (word) => {
    expect(await node([join(folder, 'cli/main.js'), word])).toEqual({
      exitCode: 0,
      stdout: `${VERSION}\n`,
      stderr: '',
    });
  });

  it('prints the version of package.json', async () => {
    const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
    expect(VERSION).toBe(version);
  });

  it('prints it in at most 2.5 times the time of an empty Node', async () => {
    const time = async (args: readonly string[]): Promise<number> => {
      const start = performance.now();
      await node(args);
      return performance.now() - start;
    };
    const [empty, version]: [number[], number[]] = [[], []];
    // Side by side and the quickest of each: other tests are running too.
    for (let round = 0; round < 7; round += 1) {
      empty.push(await time(['-e', '0']));
      version.push(await time([join(folder, 'cli/main.js'), '--version']));
    }
    expect(Math.min(...version) / Math.min(...empty)).toBeLessThanOrEqual(2.5);
  });

  it('ends with the exit code, stdout and stderr apart', async () => {
    const usage = await node([...tsx, 'stauts']);
    expect(usage).toMatchObject({ exitCode: 2, stdout: '' });
    expect(usage.stderr).toContain('did you mean "status"?');
    expect(await node([...tsx, 'status', '--json'], { cwd: folder })).toMatchObject({ exitCode: 10, stderr: '' });
  });

  it('does not crash when the reader of stdout is gone', async () => {
    expect(await node([...tsx, '--help'], { closeStdout: true })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});
