import { execFile } from 'node:child_process';
import { appendFile, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeployError } from '../../../src/errors.ts';
import { createJournal, readJournal, resumeJournal } from '../../../src/operation/journal.ts';
import { encodeLine, type JournalEntry } from '../../../src/operation/journal-line.ts';
import { scanJournal } from '../../../src/operation/journal-read.ts';
import type { Json } from '../../../src/operation/json.ts';
import { compileSources } from './compile.ts';
import { failureOf, options, removeDirectory, SECRET, temporaryDirectory } from './fixtures.ts';

const run = promisify(execFile);

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'journal.jsonl');
});

afterEach(() => removeDirectory(directory));

const at = '2026-01-31T12:00:00.000Z';
const entry = (seq: number, type: JournalEntry['type'], step: string, data: Json = null): JournalEntry => ({
  seq,
  at,
  type,
  step,
  data,
});

const SAMPLE: readonly JournalEntry[] = [
  entry(1, 'begin', 'deploy', { subject: 'v0.0.2', who: 'é@host' }),
  entry(2, 'intent', 'fence.raise', { ports: [80, 443], sum: '0123456789abcdef' }),
  entry(3, 'result', 'fence.raise'),
  entry(4, 'note', 'plan', 'a "quoted"\nline \u2028 �'),
  entry(5, 'end', 'succeeded', { exitCode: 0 }),
];
const SAMPLE_BYTES = Buffer.concat(SAMPLE.map(encodeLine));
/** Offset just after each line. */
const ENDS = SAMPLE.map((_, i) => Buffer.concat(SAMPLE.slice(0, i + 1).map(encodeLine)).length);

const reading = async (bytes: Uint8Array) => {
  await writeFile(path, bytes);
  return readJournal(path);
};

/** The same without the file, for thousands of variations. */
const scanning = (bytes: Buffer) => {
  try {
    const { wholeBytes: _, ...content } = scanJournal(path, bytes);
    return content;
  } catch (error) {
    if (error instanceof DeployError) return error;
    throw error;
  }
};

describe('writing', () => {
  it('numbers the entries and gives back what was written', async () => {
    const journal = await createJournal(path, options());
    await journal.append('begin', 'deploy', { subject: 'v1', nested: [{ a: null }, true, 1.5] });
    await journal.append('note', 'plan.made');
    await journal.append('end', 'succeeded');
    await journal.close();
    const { version, entries, torn } = await readJournal(path);
    expect({ version, torn }).toEqual({ version: 1, torn: false });
    expect(entries.map(({ seq, type, step, data }) => [seq, type, step, data])).toEqual([
      [1, 'begin', 'deploy', { subject: 'v1', nested: [{ a: null }, true, 1.5] }],
      [2, 'note', 'plan.made', null],
      [3, 'end', 'succeeded', null],
    ]);
  });

  it('has the documented shape', async () => {
    const journal = await createJournal(path, options());
    await journal.append('begin', 'deploy', { subject: 'v1' });
    await journal.append('note', 'x');
    await journal.close();
    const [first, second] = (await readFile(path, 'utf8')).split('\n').map((line) => line && JSON.parse(line));
    expect(Object.keys(first)).toEqual(['version', 'seq', 'at', 'type', 'step', 'data', 'sum']);
    expect(Object.keys(second)).toEqual(['seq', 'at', 'type', 'step', 'data', 'sum']);
    expect(first).toMatchObject({ version: 1, seq: 1, type: 'begin', sum: expect.stringMatching(/^[0-9a-f]{16}$/) });
  });

  it('is private, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await (await createJournal(path, options())).close();
    } finally {
      process.umask(before);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('has each line on disk, whole, when append is over', async () => {
    const journal = await createJournal(path, options());
    for (const type of ['begin', 'note', 'note'] as const) {
      const before = (await readJournal(path)).entries.length;
      await journal.append(type, 'x');
      expect((await readJournal(path)).entries).toHaveLength(before + 1);
    }
    await journal.close();
  });

  it('refuses a file that is there, and a link in its place', async () => {
    await writeFile(path, 'old');
    await expect(createJournal(path, options())).rejects.toMatchObject({ message: expect.stringContaining(path) });
    const link = join(directory, 'link');
    await symlink(join(directory, 'elsewhere'), link);
    await expect(createJournal(link, options())).rejects.toMatchObject({ message: expect.stringContaining('EEXIST') });
    expect(await readFile(path, 'utf8')).toBe('old');
  });

  it('puts calls at the same time in a row, in their order', async () => {
    const journal = await createJournal(path, options());
    const calls = [journal.append('begin', 'deploy')];
    for (let i = 0; i < 50; i += 1) calls.push(journal.append('note', 'n', { i, text: 'x'.repeat(i * 97) }));
    const closing = journal.close();
    await Promise.all(calls);
    await closing;
    const { entries } = await readJournal(path);
    expect(entries.slice(1).map(({ data }) => (data as { i: number }).i)).toEqual([...Array(50).keys()]);
  });

  it('writes what the data was when append was called', async () => {
    const journal = await createJournal(path, options());
    const data = { list: ['before'] };
    const calls = [journal.append('begin', 'deploy'), journal.append('note', 'x', data)];
    data.list[0] = 'after';
    await Promise.all(calls);
    await journal.close();
    expect((await readJournal(path)).entries[1]?.data).toEqual({ list: ['before'] });
  });

  it('redacts every string of the data, at any depth', async () => {
    const journal = await createJournal(path, options());
    await journal.append('begin', 'deploy', `mongodb://u:${SECRET}@h/`);
    await journal.append('note', 'x', { a: [SECRET, { b: `${SECRET}!` }], n: 1 });
    await journal.close();
    expect(await readFile(path, 'utf8')).not.toContain(SECRET);
    expect((await readJournal(path)).entries[1]?.data).toEqual({ a: ['[redacted]', { b: '[redacted]!' }], n: 1 });
  });

  it.each(['with space', '', `-${SECRET}`, 'line\nbreak', 'x'.repeat(201)])(
    'refuses %j as a step, which is not redacted',
    async (step) => {
      const journal = await createJournal(path, options());
      await expect(journal.append('begin', step)).rejects.toMatchObject({ code: 'bug' });
      await journal.close();
      expect(await readFile(path, 'utf8')).toBe('');
    },
  );

  it('begins once, first, and takes nothing after the end or after closing', async () => {
    const journal = await createJournal(path, options());
    await expect(journal.append('note', 'x')).rejects.toMatchObject({ code: 'bug' });
    await journal.append('begin', 'deploy');
    await expect(journal.append('begin', 'deploy')).rejects.toMatchObject({ code: 'bug' });
    await journal.append('end', 'failed');
    await expect(journal.append('note', 'x')).rejects.toMatchObject({ code: 'bug' });
    await journal.close();
    await journal.close();
    await expect(journal.append('note', 'x')).rejects.toMatchObject({ code: 'bug' });
    expect((await readJournal(path)).entries).toHaveLength(2);
  });

  it('takes no more entries once one did not fit on the disk', async () => {
    const compiled = await compileSources();
    try {
      const script = await compiled.script(
        'full',
        `import { createJournal } from './operation/journal.js';
         import { systemClock } from './system/clock.js';
         import { createRedactor } from './system/redact.js';
         const journal = await createJournal(${JSON.stringify(path)}, { clock: systemClock, redactor: createRedactor() });
         const say = (step) => (error) => console.log(step, error.code, error.message.includes('no more entries'));
         await journal.append('begin', 'deploy', 'x');
         const big = journal.append('note', 'big', 'x'.repeat(5000)).catch(say('big'));
         const queued = journal.append('note', 'small').catch(say('queued'));
         await Promise.all([big, queued]);
         await journal.append('end', 'succeeded').catch(say('end'));
         await journal.close();`,
      );
      const { stdout } = await run('prlimit', ['--fsize=4096', process.execPath, script]);
      expect(stdout.trim().split('\n')).toEqual(['big disk-full false', 'queued disk-full true', 'end disk-full true']);
      const { entries, torn } = await readJournal(path);
      expect({ steps: entries.map(({ step }) => step), torn }).toEqual({ steps: ['deploy'], torn: true });
    } finally {
      await compiled.remove();
    }
  });
});

describe('reading', () => {
  it('gives back exactly the entries', async () => {
    expect(await reading(SAMPLE_BYTES)).toEqual({ version: 1, entries: SAMPLE, torn: false });
  });

  it('takes an empty file for an operation that had not begun', async () => {
    expect(await reading(Buffer.alloc(0))).toEqual({ version: 1, entries: [], torn: false });
  });

  it('reads, cut at any byte, the entries before the cut', () => {
    for (let cut = 0; cut <= SAMPLE_BYTES.length; cut += 1) {
      const whole = ENDS.filter((end) => end <= cut).length;
      const torn = cut !== 0 && cut !== ENDS[whole - 1];
      const found = scanning(SAMPLE_BYTES.subarray(0, cut));
      expect(found, `cut at ${cut}`).toEqual({ version: 1, entries: SAMPLE.slice(0, whole), torn });
    }
  });

  it('never gives a wrong entry when a byte is flipped: an error, or, in the last line, a torn one', () => {
    const lastStart = ENDS.at(-2) ?? 0;
    for (let offset = 0; offset < SAMPLE_BYTES.length; offset += 1) {
      for (const mask of [0x01, 0x20, 0x80, 0xff, SAMPLE_BYTES[offset] ?? 0]) {
        const bytes = Buffer.from(SAMPLE_BYTES);
        bytes[offset] = (bytes[offset] ?? 0) ^ mask;
        const found = scanning(bytes);
        const where = `byte ${offset} ^ ${mask}`;
        if (!(found instanceof DeployError)) {
          expect(offset, where).toBeGreaterThanOrEqual(lastStart);
          expect(found, where).toEqual({ version: 1, entries: SAMPLE.slice(0, -1), torn: true });
        } else {
          expect(found.code, where).toBe('halted-earlier');
          const line = ENDS.filter((end) => end <= offset).length + 1;
          expect(found.message, where).toContain(`${path}, line ${line},`);
        }
      }
    }
  });

  it('takes a last line that is long enough but not right for a torn one', async () => {
    const bytes = Buffer.from(SAMPLE_BYTES);
    bytes.fill(0, (ENDS.at(-2) ?? 0) + 10, bytes.length - 1);
    expect(await reading(bytes)).toMatchObject({ entries: SAMPLE.slice(0, -1), torn: true });
  });

  it('takes zeros at the end for a torn line', async () => {
    const bytes = Buffer.concat([SAMPLE_BYTES.subarray(0, ENDS[2]), Buffer.alloc(4096)]);
    expect(await reading(bytes)).toMatchObject({ entries: SAMPLE.slice(0, 3), torn: true });
  });

  const lines = (...entries: readonly JournalEntry[]) => Buffer.concat(entries.map(encodeLine));
  const [begin, intent, result, note, end] = SAMPLE as readonly [
    JournalEntry,
    JournalEntry,
    JournalEntry,
    JournalEntry,
    JournalEntry,
  ];
  it.each([
    ['a line is missing', lines(begin, result), 2],
    ['a line is there twice', lines(begin, intent, intent), 3],
    ['two lines are swapped', lines(begin, result, intent), 2],
    ['the beginning is missing', lines(intent, result), 1],
    ['it does not begin with begin', lines({ ...note, seq: 1 }), 1],
    ['it begins twice', lines(begin, { ...begin, seq: 2 }), 2],
    ['it goes on after the end', lines(begin, { ...end, seq: 2 }, { ...note, seq: 3 }), 3],
    ['a line is not JSON of ours', Buffer.concat([lines(begin), Buffer.from('{}\n'), lines(intent)]), 2],
    ['an empty line is in between', Buffer.concat([lines(begin), Buffer.from('\n'), lines(intent)]), 2],
    [
      'a newline is gone before a torn line',
      Buffer.concat([lines(begin), lines(intent).subarray(0, -1), Buffer.from('{"seq":3')]),
      2,
    ],
    ['a later entry carries a version', Buffer.concat([lines(begin), encodeLine({ ...begin, seq: 1 })]), 2],
    ['an entry has an unknown type', lines(begin, { ...intent, type: 'guess' as never }, result), 2],
  ])('is refused, naming the line, when %s', async (_, bytes, line) => {
    const error = await failureOf(reading(bytes));
    expect(error.code).toBe('halted-earlier');
    expect(error.message).toContain(`${path}, line ${line},`);
    expect(error.hint).toContain(directory);
  });

  it('refuses the journal of a later version by its number', async () => {
    const { createHash } = await import('node:crypto');
    const body = `{"version":2,"seq":1,"type":"begin","new":true}`;
    const sum = createHash('sha256').update(body).digest('hex').slice(0, 16);
    const error = await failureOf(reading(Buffer.from(`${body.slice(0, -1)},"sum":"${sum}"}\n`)));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain('format 2');
  });
});

describe('going on with a journal', () => {
  it('continues the numbers after the last whole line, and cuts off what was torn', async () => {
    await writeFile(path, SAMPLE_BYTES.subarray(0, (ENDS[2] ?? 0) + 15));
    const journal = await resumeJournal(path, options());
    await journal.append('end', 'failed');
    await journal.close();
    const { entries, torn } = await readJournal(path);
    expect(entries.slice(0, 3)).toEqual(SAMPLE.slice(0, 3));
    expect(entries[3]).toMatchObject({ seq: 4, type: 'end', step: 'failed' });
    expect(torn).toBe(false);
  });

  it('refuses one that has ended, and one that is damaged', async () => {
    await writeFile(path, SAMPLE_BYTES);
    const journal = await resumeJournal(path, options());
    await expect(journal.append('note', 'x')).rejects.toMatchObject({ code: 'bug' });
    await journal.close();
    await appendFile(path, 'x\ny\n');
    await expect(resumeJournal(path, options())).rejects.toMatchObject({ code: 'halted-earlier' });
  });
});
