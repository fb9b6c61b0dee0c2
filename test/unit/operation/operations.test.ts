import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeployError } from '../../../src/errors.ts';
import { createJournal, readJournal } from '../../../src/operation/journal.ts';
import { type OperationParts, runningOperation } from '../../../src/operation/operation.ts';
import {
  beginOperation,
  currentUser,
  listOperations,
  markResolved,
  type OperationKind,
  openOperations,
  resumeOperation,
  sweepUnbegun,
  unfinishedOperations,
} from '../../../src/operation/operations.ts';
import { openState, type StateDirectory } from '../../../src/operation/state.ts';
import { refuseWhileHalted } from '../../../src/operation/unfinished.ts';
import { failureOf, options, removeDirectory, SECRET, temporaryDirectory } from './fixtures.ts';

let directory: string;
let state: StateDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
  state = await openState(join(directory, '.kaleem'));
});

afterEach(() => removeDirectory(directory));

const signal = new AbortController().signal;

const begin = (kind: OperationKind = 'deploy', subject = 'v1', requestId: string | null = null) =>
  beginOperation({ state, kind, subject, who: 'alice@host', runner: null, requestId, signal, ...options() });

/** What an operation leaves whose process was killed, as far as it got. */
const died = async (kind: OperationKind = 'deploy', subject = 'v1') => {
  const id = `${String((await readdir(state.operations)).length + 1).padStart(6, '0')}-dead`;
  const path = join(state.operations, id);
  await mkdir(path);
  const journal = await createJournal(join(path, 'journal.jsonl'), options());
  await journal.append('begin', kind, { subject, who: 'alice@host' });
  await journal.append('intent', 'some.step');
  await journal.append('result', 'some.step');
  await journal.close();
  return { id, directory: path };
};

const entriesOf = async (id: string) => (await readJournal(join(state.operations, id, 'journal.jsonl'))).entries;

const lines = async (id: string) => (await entriesOf(id)).map(({ type, step, data }) => [type, step, data]);

describe('an operation', () => {
  it('has its directory and its begin line on disk before anything else', async () => {
    const operation = await begin();
    expect(operation.id).toMatch(/^000001-[0-9a-f]{4}$/);
    expect(operation).toMatchObject({
      sequence: 1,
      kind: 'deploy',
      directory: join(state.operations, operation.id),
      signal,
    });
    expect((await stat(operation.directory)).mode & 0o777).toBe(0o700);
    expect(await lines(operation.id)).toEqual([
      ['begin', 'deploy', { subject: 'v1', who: 'alice@host', runner: null, requestId: null }],
    ]);
    await operation.end('succeeded', 0);
  });

  it('writes the intent before the effect and the result after it', async () => {
    const operation = await begin();
    let during: unknown;
    const value = await operation.effect(
      'writers.stop',
      { containers: ['abc'] },
      async () => {
        during = await lines(operation.id);
        return { stopped: 2 };
      },
      ({ stopped }) => ({ stopped }),
    );
    expect(value).toEqual({ stopped: 2 });
    expect(during).toEqual([expect.anything(), ['intent', 'writers.stop', { containers: ['abc'] }]]);
    await operation.note('plan', ['x']);
    expect((await lines(operation.id)).slice(2)).toEqual([
      ['result', 'writers.stop', { stopped: 2 }],
      ['note', 'plan', ['x']],
    ]);
    await operation.end('succeeded', 0);
  });

  it('writes a failure with its code, redacted, and rejects with what was thrown', async () => {
    const operation = await begin();
    const thrown = new DeployError('pull-failed', `401 for user:${SECRET}@registry`);
    await expect(operation.effect('pull', null, () => Promise.reject(thrown))).rejects.toBe(thrown);
    await expect(operation.effect('odd', null, () => Promise.reject('text'))).rejects.toBe('text');
    expect((await lines(operation.id)).slice(1)).toEqual([
      ['intent', 'pull', null],
      ['failure', 'pull', { code: 'pull-failed', message: '401 for user:[redacted]@registry' }],
      ['intent', 'odd', null],
      ['failure', 'odd', { code: null, message: 'text' }],
    ]);
    await operation.end('refused', 12, thrown);
    expect(await readFile(join(operation.directory, 'journal.jsonl'), 'utf8')).not.toContain(SECRET);
  });

  it('counts an effect whose result can’t be told as a failure', async () => {
    const operation = await begin();
    const broken = () => {
      throw new Error('no result');
    };
    await expect(operation.effect('x', null, async () => 1, broken)).rejects.toThrow('no result');
    expect((await lines(operation.id)).at(-1)).toEqual(['failure', 'x', { code: null, message: 'no result' }]);
    await operation.end('failed', 1);
  });

  it('keeps each effect’s lines apart from those of others at the same time', async () => {
    const operation = await begin();
    await Promise.all(['a', 'b', 'c'].map((step) => operation.effect(step, { step }, async () => {})));
    const types = (await entriesOf(operation.id)).slice(1);
    for (const step of ['a', 'b', 'c']) {
      expect(types.filter((entry) => entry.step === step).map(({ type }) => type)).toEqual(['intent', 'result']);
    }
    await operation.end('succeeded', 0);
  });

  it('writes its end with duration and error, and nothing after it', async () => {
    const operation = await begin();
    await operation.end('rolled-back', 20, new DeployError('rolled-back', 'gate failed', { hint: 'logs' }));
    expect((await lines(operation.id)).at(-1)).toEqual([
      'end',
      'rolled-back',
      {
        exitCode: 20,
        durationMs: expect.any(Number),
        error: { code: 'rolled-back', message: 'gate failed', hint: 'logs' },
      },
    ]);
    await expect(operation.note('x', null)).rejects.toMatchObject({ code: 'bug' });
    await expect(operation.end('succeeded', 0)).rejects.toMatchObject({ code: 'bug' });
  });
});

describe('an operation whose journal can’t be written', () => {
  /** A journal with so many more writes left in it. */
  const withJournal = async (writes: number) => {
    const path = join(directory, 'journal.jsonl');
    const { clock, redactor } = options();
    const real = await createJournal(path, { clock, redactor });
    let left = writes;
    const parts: OperationParts = {
      id: '000001-aaaa',
      sequence: 1,
      kind: 'deploy',
      directory,
      signal,
      clock,
      journal: {
        append: (...line) => {
          left -= 1;
          return left < 0 ? Promise.reject(new DeployError('disk-full', 'no space')) : real.append(...line);
        },
        close: () => real.close(),
      },
    };
    await parts.journal.append('begin', 'deploy');
    return runningOperation(parts);
  };

  it('never runs an effect without its intent', async () => {
    const operation = await withJournal(1);
    let ran = false;
    const effect = operation.effect('x', null, async () => {
      ran = true;
    });
    await expect(effect).rejects.toMatchObject({ code: 'disk-full' });
    expect(ran).toBe(false);
    await expect(operation.end('failed', 1)).rejects.toMatchObject({ code: 'disk-full' });
  });

  it('fails an effect that worked when its result can’t be written', async () => {
    const operation = await withJournal(2);
    let ran = false;
    const effect = operation.effect('x', null, async () => {
      ran = true;
    });
    await expect(effect).rejects.toMatchObject({ code: 'disk-full' });
    expect(ran).toBe(true);
    await expect(operation.end('failed', 1)).rejects.toMatchObject({ code: 'disk-full' });
  });

  it('keeps the effect’s own failure as the first', async () => {
    const operation = await withJournal(2);
    await expect(operation.effect('x', null, () => Promise.reject(new Error('first')))).rejects.toThrow('first');
    await expect(operation.end('failed', 1)).rejects.toMatchObject({ code: 'disk-full' });
  });
});

describe('the list of operations', () => {
  it('is empty at first, also where nothing was created yet', async () => {
    expect(await listOperations(state)).toEqual([]);
    const other = join(directory, 'none');
    expect(await listOperations({ ...state, operations: join(other, 'operations') })).toEqual([]);
  });

  it('tells what each was and how it ended, newest first', async () => {
    const first = await begin('deploy', 'v1');
    await first.end('rolled-back', 20, new DeployError('rolled-back', `gate said ${SECRET}`));
    const second = await begin('backup', '', 'night-1');
    expect(await listOperations(state)).toEqual([
      {
        id: second.id,
        sequence: 2,
        kind: 'backup',
        subject: '',
        who: 'alice@host',
        requestId: 'night-1',
        startedAt: expect.stringMatching(/Z$/),
        endedAt: null,
        durationMs: null,
        outcome: null,
        exitCode: null,
        error: null,
      },
      expect.objectContaining({
        id: first.id,
        sequence: 1,
        kind: 'deploy',
        subject: 'v1',
        requestId: null,
        endedAt: expect.stringMatching(/Z$/),
        durationMs: expect.any(Number),
        outcome: 'rolled-back',
        exitCode: 20,
        error: { code: 'rolled-back', message: 'gate said [redacted]', hint: null },
      }),
    ]);
    await second.end('succeeded', 0);
  });

  it('goes by number beyond six digits', async () => {
    const journal = async (id: string) => {
      await mkdir(join(state.operations, id));
      const open = await createJournal(join(state.operations, id, 'journal.jsonl'), options());
      await open.append('begin', 'prune', { subject: '', who: 'x' });
      await open.append('end', 'succeeded', { exitCode: 0, durationMs: 1, error: null });
      await open.close();
    };
    for (const id of ['999999-0000', '1000000-0000']) await journal(id);
    expect((await listOperations(state)).map(({ sequence }) => sequence)).toEqual([1_000_000, 999_999]);
    const next = await begin();
    expect(next.sequence).toBe(1_000_001);
    await next.end('succeeded', 0);
  });

  it('leaves out what died before it had begun, but never its number', async () => {
    await mkdir(join(state.operations, '000007-abcd'));
    await mkdir(join(state.operations, '000008-abcd'));
    await writeFile(join(state.operations, '000008-abcd', 'journal.jsonl'), '{"version":1,"se');
    await writeFile(join(state.operations, 'notes.txt'), 'not an operation');
    expect(await listOperations(state)).toEqual([]);
    const operation = await begin();
    expect(operation.sequence).toBe(9);
    await operation.end('succeeded', 0);
  });

  it('names a damaged journal and its line', async () => {
    const operation = await begin();
    await operation.end('succeeded', 0);
    const path = join(operation.directory, 'journal.jsonl');
    await writeFile(path, `x${await readFile(path, 'utf8')}`);
    const error = await failureOf(listOperations(state));
    expect(error).toMatchObject({ code: 'halted-earlier', message: expect.stringContaining(`${path}, line 1,`) });
    await expect(begin()).rejects.toMatchObject({ code: 'halted-earlier' });
  });

  it('is not kept from its work by a damage within the journal of an operation that is over, and is by one that is not', async () => {
    const damage = async (path: string) => {
      const lines = (await readFile(path, 'utf8')).split('\n');
      await writeFile(path, [lines[0], 'damaged', ...lines.slice(2)].join('\n'));
    };
    const operation = await begin();
    for (const step of ['one', 'two', 'three']) operation.note(step, {});
    await operation.end('succeeded', 0);
    const over = join(operation.directory, 'journal.jsonl');
    const whole = await listOperations(state);
    await damage(over);
    expect(await listOperations(state)).toEqual(whole);
    // A line less, and its end is not where it says.
    const lines = (await readFile(over, 'utf8')).split('\n');
    await writeFile(over, [lines[0], ...lines.slice(2)].join('\n'));
    expect((await failureOf(listOperations(state))).message).toContain(`${over}, line 2,`);
  });

  it.each([
    ['begin', 'dance', { subject: '', who: '' }],
    ['begin', 'deploy', { subject: 1 }],
  ] as const)('refuses a journal that says %s %s %j', async (type, step, data) => {
    await mkdir(join(state.operations, '000001-0000'));
    const path = join(state.operations, '000001-0000', 'journal.jsonl');
    const journal = await createJournal(path, options());
    await journal.append(type, step, data);
    await journal.close();
    expect((await failureOf(listOperations(state))).message).toContain(path);
  });

  it('refuses an end that does not say how', async () => {
    const operation = await begin();
    await operation.end('never' as never, 0);
    await expect(listOperations(state)).rejects.toMatchObject({ code: 'halted-earlier' });
  });
});

describe('beginning after an operation that did not end well', () => {
  it.each(['deploy', 'rollback', 'restore', 'maintenance'] as const)(
    'is refused after a %s that died, saying which and what to do',
    async (kind) => {
      const dead = await died(kind, 'v9');
      const error = await failureOf(begin());
      expect(error.code).toBe('halted-earlier');
      for (const part of [dead.id, kind, 'v9', 'alice@host']) expect(error.message).toContain(part);
      expect(error.hint).toBe('kaleem-deploy recover');
      expect((await readdir(state.operations)).length).toBe(1);
    },
  );

  it('is refused after one that halted, with what it said', async () => {
    const halted = await begin();
    await halted.end('halted', 21, new DeployError('halted', 'v1 did not come up again'));
    const error = await failureOf(begin('backup', ''));
    expect(error.code).toBe('halted-earlier');
    expect(error.message).toContain(`${halted.id} (deploy v1`);
    expect(error.message).toContain('v1 did not come up again');
    expect((await openOperations(state)).map(({ id }) => id)).toEqual([halted.id]);
  });

  it.each(['succeeded', 'refused', 'rolled-back', 'interrupted', 'failed'] as const)(
    'goes on after %s',
    async (outcome) => {
      await (await begin()).end(outcome, 0);
      await (await begin()).end('succeeded', 0);
      expect(await openOperations(state)).toEqual([]);
    },
  );

  it('goes on once a person said that it is resolved, and tells of the next one that is not', async () => {
    const halted = await begin();
    await halted.end('halted', 21);
    await writeFile(join(halted.directory, 'resolved'), 'put v1 back by hand. alice\n');
    const dead = await died('deploy', 'v2');
    expect((await failureOf(begin())).message).toContain(dead.id);
    await writeFile(join(dead.directory, 'resolved'), '');
    await (await begin()).end('succeeded', 0);
    expect((await listOperations(state)).map(({ outcome }) => outcome)).toEqual(['succeeded', null, 'halted']);
  });

  it('names the newest that halted, and the others beside it', async () => {
    const ids: string[] = [];
    for (const tag of ['v1', 'v2']) {
      const operation = await begin('deploy', tag);
      ids.push(operation.id);
      await operation.end('halted', 21);
      await markResolved(state, operation.id, 'alice');
    }
    for (const id of ids) await rm(join(state.operations, id, 'resolved'));
    const error = await failureOf(refuseWhileHalted(state));
    expect(error.message).toContain(ids[1]);
    expect(error.details.join()).toContain(ids[0]);
    expect(error.hint).toBe('kaleem-deploy recover');
  });

  it('is not in the way of a recovery when it died, and is no halt', async () => {
    await died('deploy');
    await refuseWhileHalted(state);
  });

  it.each(['backup', 'prune'] as const)("a %s that died is in nobody's way, and is to be ended", async (kind) => {
    const dead = await died(kind, '');
    expect(await openOperations(state)).toEqual([]);
    expect((await unfinishedOperations(state)).map(({ id }) => id)).toEqual([dead.id]);
    await (await begin()).end('succeeded', 0);
  });
});

describe('an operation that is resumed', () => {
  const resume = async () => {
    const [record] = await unfinishedOperations(state);
    if (record === undefined) throw new Error('nothing is unfinished');
    return resumeOperation(record, { state, signal, ...options() });
  };

  it('goes on after its last whole line, under its own id, and ends without a duration', async () => {
    const dead = await died('deploy');
    const path = join(dead.directory, 'journal.jsonl');
    await truncate(path, (await stat(path)).size - 5);
    const { operation, entries, leave } = await resume();
    expect(operation.id).toBe(dead.id);
    expect(entries.map(({ type }) => type)).toEqual(['begin', 'intent']);
    await operation.note('recover', {});
    await operation.end('rolled-back', 20);
    await leave();
    expect((await lines(dead.id)).map(([type]) => type)).toEqual(['begin', 'intent', 'note', 'end']);
    expect((await listOperations(state))[0]).toMatchObject({ id: dead.id, outcome: 'rolled-back', durationMs: null });
  });

  it('may have halted: what a recovery does comes after its end, and without a new end it is open again', async () => {
    const halted = await begin();
    await halted.end('halted', 21);
    const first = await resume();
    await first.operation.note('recover', {});
    await first.leave();
    expect((await listOperations(state))[0]).toMatchObject({ id: halted.id, outcome: null });
    const second = await resume();
    await second.operation.end('succeeded', 0);
    expect((await listOperations(state))[0]).toMatchObject({ id: halted.id, outcome: 'succeeded', exitCode: 0 });
    expect(await unfinishedOperations(state)).toEqual([]);
  });

  it('leaves nothing of one that died before it had begun', async () => {
    await mkdir(join(state.operations, '000001-dead'));
    const kept = await begin();
    await kept.end('succeeded', 0);
    await sweepUnbegun(state);
    expect(await readdir(state.operations)).toEqual([kept.id]);
  });
});

it('tells who deploys, and behind sudo who typed it', () => {
  const before = process.env.SUDO_USER;
  try {
    process.env.SUDO_USER = 'al\u001b[1mice';
    expect(currentUser()).toMatch(/^al\?\[1mice@./);
    delete process.env.SUDO_USER;
    expect(currentUser()).toMatch(/^[^@]+@[^@]+$/);
    expect(currentUser()).not.toContain('ice@');
  } finally {
    if (before === undefined) delete process.env.SUDO_USER;
    else process.env.SUDO_USER = before;
  }
});
