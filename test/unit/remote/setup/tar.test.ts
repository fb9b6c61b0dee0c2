import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packTool } from '../../../../src/remote/setup/pack.ts';
import { tarOf } from '../../../../src/remote/setup/tar.ts';

describe('the tool, packed', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-pack-'));
    await mkdir(join(folder, 'dist/cli'), { recursive: true });
    await mkdir(join(folder, 'dist/chunks'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'dist/cli/main.js'), '#!/usr/bin/env node\n');
    await writeFile(join(folder, 'dist/chunks/a.js'), 'é'.repeat(1_000));
    await writeFile(join(folder, 'dist/empty'), '');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is what tar(1) unpacks, and nothing of the time or the place', async () => {
    const tool = await packTool(join(folder, 'dist'));
    expect(tool.folder).toMatch(/^\d+\.\d+\.\d+-[0-9a-f]{12}$/);
    const there = join(folder, 'there');
    await mkdir(there);
    execFileSync('tar', ['-xzf', '-', '-C', there], { input: tool.archive });
    expect(await readFile(join(there, 'dist/chunks/a.js'), 'utf8')).toBe('é'.repeat(1_000));
    expect((await stat(join(there, 'dist/cli/main.js'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(there, 'dist/empty'))).size).toBe(0);
    expect(await readFile(join(there, 'package.json'), 'utf8')).toBe('{"type":"module"}');

    await chmod(join(folder, 'dist/empty'), 0o600);
    await writeFile(join(folder, 'dist/cli/main.js'), '#!/usr/bin/env node\n');
    expect((await packTool(join(folder, 'dist'))).folder).toBe(tool.folder);
    await writeFile(join(folder, 'dist/empty'), 'x');
    expect((await packTool(join(folder, 'dist'))).folder).not.toBe(tool.folder);
  });

  it('has no names that its form can not hold', () => {
    expect(() => tarOf([{ name: 'x'.repeat(101), content: new Uint8Array(), executable: false }])).toThrow('too long');
  });
});
