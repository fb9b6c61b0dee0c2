import { appendFile, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../../src/remote/gate/caller.ts';
import { recordAsked } from '../../../../src/remote/gate/record.ts';
import { manualClock } from '../../cli/support.ts';
import { gateFolder, recorded } from './folder.ts';

const caller: Caller = { key: 'ci', fingerprint: 'SHA256:abc', address: '203.0.113.7' };
const clock = manualClock();

const folder = async (): Promise<string> => join(await gateFolder(''), 'app/.kaleem/gate');

const refuse = (record: string, command: string): Promise<void> =>
  recordAsked(record, clock, { caller, command, outcome: { refused: 'no' } });

/** A whole line of about so many bytes. */
const filler = (bytes: number): string => `${JSON.stringify({ filler: 'x'.repeat(bytes) })}\n`;

describe("a gate's record", () => {
  it('has a line for each, for nobody else to read', async () => {
    const record = await folder();
    await refuse(record, 'sh');
    await recordAsked(record, clock, { caller, command: 'kaleem-deploy v1', outcome: { argv: ['deploy', 'v1'] } });
    const common = { at: '2026-03-01T12:00:00.000Z', ...caller, verified: true };
    expect(await recorded(record)).toEqual([
      { ...common, outcome: 'refused', command: 'sh', why: 'no' },
      { ...common, outcome: 'allowed', command: 'kaleem-deploy v1', argv: ['deploy', 'v1'] },
    ]);
    expect((await stat(join(record, '000001.jsonl'))).mode & 0o777).toBe(0o600);
    expect((await stat(record)).mode & 0o777).toBe(0o700);
  });

  it('is printable, whatever came, and short', async () => {
    const record = await folder();
    const command = `\x1b[2J\n{"outcome":"allowed"}\n\u202e\u2028\x7f\u00e9${'x'.repeat(5_000)}`;
    await refuse(record, command);
    const text = await readFile(join(record, '000001.jsonl'), 'utf8');
    expect(text).toMatch(/^[\x20-\x7e]+\n$/);
    expect(text.length).toBeLessThan(700);
    expect(await recorded(record)).toMatchObject([{ command: command.slice(0, 256), length: command.length }]);
  });

  it('does not keep a secret key that somebody typed', async () => {
    const record = await folder();
    await refuse(record, 'kaleem-deploy backup verify --identity AGE-SECRET-KEY-1QQQ');
    expect(await recorded(record)).toMatchObject([{ command: '(it held a secret key)' }]);
  });

  it('goes on behind a line that was torn', async () => {
    const record = await folder();
    await refuse(record, 'one');
    await appendFile(join(record, '000001.jsonl'), '{"at":"20');
    await refuse(record, 'two');
    const lines = (await readFile(join(record, '000001.jsonl'), 'utf8')).split('\n');
    expect(lines.slice(1)).toEqual(['{"at":"20', expect.stringContaining('"command":"two"'), '']);
  });

  it('is not written where others could change it', async () => {
    const record = await folder();
    await mkdir(record, { recursive: true });
    await chmod(record, 0o777);
    await expect(refuse(record, 'sh')).rejects.toMatchObject({ code: 'config-unsafe' });
  });

  it('begins another file when one is full, and keeps eight', async () => {
    const record = await folder();
    await mkdir(record, { recursive: true });
    for (let number = 3; number <= 10; number += 1) {
      await writeFile(join(record, `${String(number).padStart(6, '0')}.jsonl`), filler(1024 * 1024));
    }
    await writeFile(join(record, 'notes.txt'), "somebody's own");
    await refuse(record, 'one');
    await refuse(record, 'two');
    const names = (await readdir(record)).sort();
    expect(names).toEqual([
      ...[4, 5, 6, 7, 8, 9, 10, 11].map((n) => `${String(n).padStart(6, '0')}.jsonl`),
      'notes.txt',
    ]);
    expect((await readFile(join(record, '000011.jsonl'), 'utf8')).match(/"command"/g)).toHaveLength(2);
  });

  it('loses no line when many write at once, over a change of files too', async () => {
    const record = await folder();
    await mkdir(record, { recursive: true });
    await writeFile(join(record, '000001.jsonl'), filler(1024 * 1024 - 2_000));
    for (const batch of [0, 25]) {
      await Promise.all(Array.from({ length: 25 }, (_, n) => refuse(record, `command ${batch + n}`)));
    }
    const commands = (await recorded(record)).flatMap(({ command }) => command ?? []);
    expect(new Set(commands).size).toBe(50);
    expect((await readdir(record)).length).toBe(2);
  });
});
