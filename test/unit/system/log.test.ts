import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/system/clock.ts';
import { createLog } from '../../../src/system/log.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { redactValues } from '../../../src/system/redact-values.ts';

const clock = { ...systemClock, now: () => new Date('2026-03-01T12:00:00Z') };
const redactor = createRedactor();
redactor.add('hunter22');
redactor.add('4321');

describe('the debug log', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-log-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const entries = async (path: string): Promise<readonly unknown[]> =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('is JSON lines in a private file, with what came before the file was known', async () => {
    const log = createLog({ redactor, clock });
    const path = join(folder, 'log.jsonl');
    log.debug('first', { argv: ['docker', 'ps'] });
    log.writeTo(path);
    log.info('second');
    log.warn('third');
    log.error('fourth', { cause: new Error('no') });
    log.close();
    const time = '2026-03-01T12:00:00.000Z';
    expect(await entries(path)).toEqual([
      { level: 20, time, argv: ['docker', 'ps'], msg: 'first' },
      { level: 30, time, msg: 'second' },
      { level: 40, time, msg: 'third' },
      { level: 50, time, cause: { name: 'Error', message: 'no' }, msg: 'fourth' },
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is redacted, and stays JSON when a secret is a number', async () => {
    const log = createLog({ redactor, clock });
    const path = join(folder, 'log.jsonl');
    log.writeTo(path);
    log.info('uri hunter22', { pid: 4321, nested: { list: ['x hunter22 y'] }, error: new Error('hunter22') });
    log.close();
    expect(await entries(path)).toMatchObject([
      {
        pid: 4321,
        nested: { list: ['x [redacted] y'] },
        error: { message: '[redacted]' },
        msg: 'uri [redacted]',
      },
    ]);
  });

  it('is appended to', async () => {
    const path = join(folder, 'log.jsonl');
    await writeFile(path, '{"before":1}\n');
    const log = createLog({ redactor, clock });
    log.writeTo(path);
    log.info('x');
    log.close();
    expect(await entries(path)).toHaveLength(2);
  });

  it('keeps the last thousand lines until the file is known', async () => {
    const log = createLog({ redactor, clock });
    for (let line = 0; line < 1_100; line += 1) log.debug(`line ${line}`);
    const path = join(folder, 'log.jsonl');
    log.writeTo(path);
    log.close();
    const kept = await entries(path);
    expect(kept).toHaveLength(1_000);
    expect(kept[0]).toMatchObject({ msg: 'line 100' });
  });

  it('mirrors redacted entries', () => {
    const mirrored: unknown[] = [];
    const log = createLog({ redactor, clock, mirror: (...entry) => mirrored.push(entry) });
    log.debug('a hunter22', { b: 'hunter22' });
    expect(mirrored).toEqual([['debug', 'a [redacted]', { b: '[redacted]' }]]);
  });

  it('never fails whoever logs: no such folder, a full disk, a log that is closed', async () => {
    const log = createLog({ redactor, clock });
    log.writeTo(join(folder, 'none', 'log.jsonl'));
    log.info('kept in memory');
    const path = join(folder, 'log.jsonl');
    log.writeTo(path);
    log.close();
    expect(await entries(path)).toMatchObject([{ msg: 'kept in memory' }]);
    log.info('after the end');
    log.writeTo('/dev/full');
    log.info('x');
    log.close();
    log.close();
  });
});

describe('redacted values', () => {
  it('keep their shape', () => {
    const at = new Date('2026-03-01T12:00:00Z');
    const value = {
      text: 'hunter22',
      number: 4321,
      no: null,
      yes: true,
      missing: undefined,
      big: 10n,
      at,
      list: [1, 'hunter22'],
    };
    expect(redactValues(value, redactor)).toEqual({
      text: '[redacted]',
      number: 4321,
      no: null,
      yes: true,
      missing: undefined,
      big: '10',
      at: '2026-03-01T12:00:00.000Z',
      list: [1, '[redacted]'],
    });
  });
});
