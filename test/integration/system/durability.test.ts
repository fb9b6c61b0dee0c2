import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lossesIn, MARK } from '../../support/durability.ts';
import { DISK_CALLS, parseCalls, readCalls, type SystemCall, traceOption } from '../../support/system-calls.ts';

const WORK = fileURLToPath(new URL('durable-work.ts', import.meta.url));
const NOTHING = /^$/;

describe('a power cut', () => {
  let folder: string;
  let root: string;
  let calls: readonly SystemCall[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-durability-'));
    root = join(folder, 'root');
    await mkdir(root);
    const trace = join(folder, 'trace');
    const names = traceOption([...DISK_CALLS, 'access', 'faccessat', 'faccessat2']);
    const strace = ['-f', '-b', 'execve', '-y', '-s', '200', '-o', trace, '-e', `trace=${names}`];
    const argv = [...strace, process.execPath, '--import', 'tsx', WORK, root];
    await promisify(execFile)('strace', argv, { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } });
    calls = await readCalls(trace);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes nothing of what was said to be written', () => {
    const marks = calls.filter(({ paths: [first] }) => first?.startsWith(MARK));
    expect(marks.length).toBeGreaterThan(20);
    expect(lossesIn(calls, { root, ignored: NOTHING })).toEqual([]);
  });
});

describe('the model of a disk', () => {
  const losses = (...lines: readonly string[]): readonly string[] =>
    lossesIn(parseCalls(lines.map((line) => `7 ${line}\n`).join('')), { root: '/r', ignored: /log$/ });
  const create = 'openat(AT_FDCWD</r>, "/r/a", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3</r/a>';

  it('loses what was written and not synced, and names whose directory was not', () => {
    expect(losses('write(3</r/a>, "x \\"/r/b\\" ", 9) = 9')).toEqual([
      'the end: the content of /r/a is not on the disk',
    ]);
    expect(losses(create)).toEqual(['the end: /r/a, made, is not on the disk']);
    expect(losses(create, 'fsync(4</r>) = 0')).toEqual([]);
    expect(losses('rename("/r/a", "/r/b") = 0')).toHaveLength(2);
    expect(losses('unlink("/r/a") = 0', 'access("/kaleem-mark/here", F_OK) = -1 ENOENT (No)')).toEqual([
      'here: /r/a, removed, is not on the disk',
      'the end: /r/a, removed, is not on the disk',
    ]);
  });

  it('does not count what failed, what lies elsewhere, and what came and went', () => {
    expect(losses('write(3</r/a>, "x", 1) = -1 ENOSPC (No space left on device) (INJECTED)')).toEqual([]);
    expect(losses('write(3</elsewhere/a>, "x", 1) = 1', 'write(3</r/log>, "x", 1) = 1')).toEqual([]);
    expect(losses(create, 'unlink("/r/a") = 0')).toEqual([]);
    expect(losses('fsync(3</r/a>) = -1 EIO (Input/output error)', 'write(3</r/a>, "x", 1) = 1')).toHaveLength(1);
  });

  it('wants content on the disk before its name is', () => {
    const name = ['rename("/r/a", "/r/b") = 0', 'fsync(4</r>) = 0'];
    expect(losses('write(3</r/a>, "x", 1) = 1', ...name, 'fsync(3</r/b>) = 0')).toEqual([
      'rename to /r/b: the content of /r/a is not on the disk',
    ]);
  });

  it('wants a folder’s new name on the disk before what is in it goes', () => {
    const removal = ['unlink("/r/b/x") = 0', 'fsync(5</r/b>) = 0', 'rmdir("/r/b") = 0', 'fsync(4</r>) = 0'];
    expect(losses('rename("/r/a", "/r/b") = 0', ...removal)).toEqual([
      'removal of /r/b/x: the rename to /r/b is not on the disk',
    ]);
    expect(losses('rename("/r/a", "/r/b") = 0', 'fsync(4</r>) = 0', ...removal)).toEqual([]);
  });

  it('puts calls together that were interrupted by those of another thread', () => {
    const text = '7 fsync(3</r/a> <unfinished ...>\n8 write(4</r/b>, "x", 1) = 1\n7 <... fsync resumed>) = 0\n';
    expect(parseCalls(text)).toMatchObject([
      { thread: 8, name: 'write', paths: ['/r/b'], value: 1 },
      { thread: 7, name: 'fsync', paths: ['/r/a'], value: 0, error: null },
    ]);
  });
});
