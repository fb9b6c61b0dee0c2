import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { GlobalOptions } from '../../../src/cli/global-options.ts';
import { createOutput } from '../../../src/cli/output.ts';
import { createStepEvents } from '../../../src/cli/render/progress.ts';
import { progressOf } from '../../../src/cli/render/steps.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { manualClock, memory } from './support.ts';

const defaults: GlobalOptions = {
  config: null,
  destination: null,
  host: null,
  json: false,
  quiet: false,
  verbose: false,
  yes: false,
  dryRun: false,
  lockWaitMs: 0,
  requestId: null,
};

const setUp = (
  options: Partial<GlobalOptions> = {},
  terminal: { readonly isTTY?: boolean; readonly columns?: number } = {},
  env: Readonly<Record<string, string>> = { NO_COLOR: '1' },
) => {
  const clock = manualClock();
  const stdout = memory();
  const stderr = memory(terminal);
  const output = createOutput({ stdout, stderr, redactor: createRedactor() });
  const io = { stdin: new PassThrough(), stdout, stderr, env, cwd: '/', signals: new EventEmitter(), move: () => {} };
  const events = createStepEvents(io, output, clock, { ...defaults, ...options });
  return { clock, events, progress: progressOf(events, clock), stdout, shown: stderr.text };
};

/** A step that goes on until the test says so. */
const held = () => {
  let finish = (): void => {};
  let fail = (_error: Error): void => {};
  const promise = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  return { promise, finish, fail };
};

describe('plain progress', () => {
  it('is one line per finished step, with time, bytes and summary', async () => {
    const { clock, progress, shown, stdout } = setUp();
    await progress.step('back up the database', async (step) => {
      step.bytes(10_000_000, 34_000_000);
      await clock.advance(1_200);
      step.bytes(34_000_000, 34_000_000);
      step.summary('412 documents');
    });
    await progress.step('lift the fence', async () => {});
    expect(shown()).toBe('ok  back up the database  1.2s  34 MB  412 documents\nok  lift the fence  0.0s\n');
    expect(stdout.text()).toBe('');
  });

  it('says after 2 s that a slow step has begun, once', async () => {
    const { clock, progress, shown } = setUp();
    const hold = held();
    const step = progress.step('pull api', () => hold.promise);
    await clock.advance(1_999);
    expect(shown()).toBe('');
    await clock.advance(1);
    expect(shown()).toBe('..  pull api\n');
    await clock.advance(60_000);
    hold.finish();
    await step;
    expect(shown()).toBe('..  pull api\nok  pull api  1m 02s\n');
  });

  it('says nothing of a quick step afterwards', async () => {
    const { clock, progress, shown } = setUp();
    await progress.step('quick', async () => {});
    await clock.advance(10_000);
    expect(shown()).toBe('ok  quick  0.0s\n');
  });

  it('shows a failure with the first line of its message, and passes the error on', async () => {
    const { progress, shown } = setUp();
    const error = new Error('answered 500\nbody');
    await expect(progress.step('check', () => Promise.reject(error))).rejects.toBe(error);
    expect(shown()).toBe('failed  check  0.0s  answered 500\n');
  });

  it('gives back what the step came to', async () => {
    expect(await setUp().progress.step('x', async () => 42)).toBe(42);
  });

  it('shows notes and warnings', () => {
    const { progress, shown } = setUp();
    progress.note('nothing to pull');
    progress.warn('HEALTH_URL is not set');
    expect(shown()).toBe('nothing to pull\nwarning: HEALTH_URL is not set\n');
  });

  it('keeps steps that run side by side apart', async () => {
    const { clock, progress, shown } = setUp();
    const [a, b] = [held(), held()];
    const both = [progress.step('a', () => a.promise), progress.step('b', () => b.promise)];
    await clock.advance(1_000);
    b.finish();
    await clock.advance(2_000);
    a.finish();
    await Promise.all(both);
    expect(shown()).toBe('ok  b  1.0s\n..  a\nok  a  3.0s\n');
  });

  it('is used on a dumb terminal', async () => {
    const { progress, shown } = setUp({}, { isTTY: true, columns: 80 }, { TERM: 'dumb' });
    await progress.step('x', async () => {});
    expect(shown()).toBe('ok  x  0.0s\n');
  });
});

describe('verbose progress', () => {
  it('says when each step begins and every detail, and never redraws', async () => {
    const { progress, shown } = setUp({ verbose: true }, { isTTY: true, columns: 80 });
    await progress.step('pull', async (step) => {
      step.detail('layer 1');
      step.bytes(5, 10);
      step.detail('layer 2');
    });
    expect(shown()).toBe('..  pull\n    layer 1\n    layer 2\nok  pull  0.0s  5 B\n');
  });
});

describe('quiet progress', () => {
  it.each([{ quiet: true }, { json: true }])('with %j is warnings alone', async (options) => {
    const { clock, events, progress, shown } = setUp(options, { isTTY: true });
    await progress.step('x', async (step) => {
      step.detail('y');
      await clock.advance(5_000);
    });
    await expect(progress.step('z', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    progress.note('n');
    progress.warn('look');
    events.tell('aborting');
    expect(shown()).toBe('warning: look\naborting\n');
  });
});

describe('live progress', () => {
  const terminal = { isTTY: true, columns: 60 };
  const up = (lines: number): string => `\r\u001b[${lines}A\u001b[J`;

  it('redraws what runs in place and keeps what is finished', async () => {
    const { clock, progress, shown } = setUp({}, terminal);
    const hold = held();
    const step = progress.step('back up', async (state) => {
      state.detail('collection users');
      await hold.promise;
      state.bytes(3_000_000, 12_000_000);
      await clock.advance(200);
      state.summary('9 documents');
    });
    await clock.advance(200);
    hold.finish();
    await step;
    expect(shown()).toBe(
      [
        '..  back up  0s\n',
        `${up(1)}..  back up  0s  collection users\n`,
        `${up(1)}..  back up  0s  3.0 MB of 12 MB (25%)  collection users\n`,
        `${up(1)}ok  back up  0.4s  3.0 MB  9 documents\n`,
      ].join(''),
    );
  });

  it('says how fast it is and how long it will take, once that can be told, and again for a second count', async () => {
    const { clock, progress, shown } = setUp({}, { isTTY: true, columns: 90 });
    const last = () => shown().split('\n').at(-2);
    await progress.step('restore', async (step) => {
      step.bytes(1_000_000, 41_000_000);
      await clock.advance(1_000);
      expect(last()).toContain('..  restore  1s  1.0 MB of 41 MB (2%)');
      await clock.advance(1_000);
      step.bytes(9_000_000, 41_000_000);
      await clock.advance(2_000);
      expect(last()).toContain('..  restore  4s  9.0 MB of 41 MB (21%), 2.0 MB/s, 16.0s left');
      step.bytes(0, null);
      await clock.advance(2_000);
      step.bytes(5_000_000, null);
      await clock.advance(3_000);
      expect(last()).toContain('..  restore  9s  5.0 MB, 1.0 MB/s');
      step.bytes(6_000_000, 5_000_000);
      await clock.advance(1_000);
      expect(last()).toContain('..  restore  10s  6.0 MB, 1.0 MB/s');
    });
  });

  it('counts seconds', async () => {
    const { clock, progress, shown } = setUp({}, terminal);
    const hold = held();
    const step = progress.step('wait', () => hold.promise);
    await clock.advance(3_000);
    expect(shown().endsWith(`${up(1)}..  wait  3s\n`)).toBe(true);
    hold.finish();
    await step;
  });

  it('stops drawing when nothing runs, and begins again', async () => {
    const { clock, progress, shown } = setUp({}, terminal);
    await progress.step('a', async () => {});
    await clock.advance(10_000);
    expect(shown()).toBe(`..  a  0s\n${up(1)}ok  a  0.0s\n`);
    const hold = held();
    const step = progress.step('b', () => hold.promise);
    await clock.advance(400);
    expect(shown().split('..  b').length).toBe(4);
    hold.finish();
    await step;
  });

  it('draws steps side by side, one line each', async () => {
    const { progress, shown } = setUp({}, terminal);
    const [a, b] = [held(), held()];
    const both = [progress.step('a', () => a.promise), progress.step('b', () => b.promise)];
    a.finish();
    await both[0];
    b.fail(new Error('no'));
    await expect(both[1]).rejects.toThrow('no');
    expect(shown()).toBe(
      [
        '..  a  0s\n',
        `${up(1)}..  a  0s\n..  b  0s\n`,
        `${up(2)}ok  a  0.0s\n..  b  0s\n`,
        `${up(1)}failed  b  0.0s  no\n`,
      ].join(''),
    );
  });

  it('puts notes and warnings above what runs', async () => {
    const { progress, shown } = setUp({}, terminal);
    progress.note('first');
    await progress.step('a', async () => progress.warn('careful'));
    expect(shown()).toBe(`first\n..  a  0s\n${up(1)}warning: careful\n..  a  0s\n${up(1)}ok  a  0.0s\n`);
  });

  it('leaves what the command line itself says, and the ^C that the terminal echoes does no harm', async () => {
    const { events, progress, shown } = setUp({}, terminal);
    await progress.step('a', async () => events.tell('aborting'));
    expect(shown()).toBe(`..  a  0s\n${up(1)}aborting\n..  a  0s\n${up(1)}ok  a  0.0s\n`);
  });

  it('cuts a running line to the width of the terminal: a wrapped one could not be erased', async () => {
    const { clock, progress, shown } = setUp({}, { isTTY: true, columns: 20 });
    await progress.step('x', async (step) => {
      step.detail('y'.repeat(100));
      await clock.advance(200);
    });
    const lines = shown().replaceAll(up(1), '').split('\n');
    expect(lines[1]).toBe('..  x  0s  yyyyy...');
  });

  it('counts what does not fit', async () => {
    const { progress, shown } = setUp({}, terminal);
    const hold = held();
    const all = Array.from({ length: 10 }, (_, index) => progress.step(`s${index}`, () => hold.promise));
    expect(shown().split('\u001b[J').at(-1)?.trimEnd().split('\n')).toEqual([
      ...Array.from({ length: 8 }, (_, index) => `..  s${index}  0s`),
      '..  and 2 more',
    ]);
    hold.finish();
    await Promise.all(all);
  });

  it('colours the outcome', async () => {
    const { progress, shown } = setUp({}, terminal, {});
    await progress.step('a', async () => {});
    await expect(progress.step('b', () => Promise.reject(new Error('no')))).rejects.toThrow();
    expect(shown()).toContain('\u001b[32mok\u001b[0m  a');
    expect(shown()).toContain('\u001b[31mfailed\u001b[0m  b');
  });
});
