import { describe, expect, it } from 'vitest';
import type { Ended } from '../../../src/remote/connection.ts';
import { type Followed, followThere, type Newest, newestOperation } from '../../../src/remote/follow.ts';
import type { Answer, Host } from '../../../src/remote/host.ts';
import { manualClock } from '../cli/support.ts';

/** How one run there ends, and what it says before. */
interface Run {
  readonly ended: Ended;
  readonly out?: string;
  readonly err?: string;
}

const exits = (exitCode: number, out = '', err = ''): Run => ({ ended: { how: 'exited', exitCode }, out, err });
const LOST: Run = { ended: { how: 'lost' }, out: 'half a res', err: 'ok  plan\nok  pu' };

interface Script {
  readonly runs: readonly Run[];
  /** What history says each time it is asked. */
  readonly history?: readonly (Answer | null)[];
  readonly abort?: readonly number[];
  /** While a run is under way. */
  readonly meanwhile?: (run: number) => Promise<void>;
}

const operations = (...found: readonly object[]): Answer => ({
  exitCode: 0,
  stdout: JSON.stringify(found),
  stderr: '',
});
const OLD = { id: '000001-aaaa', exitCode: 0 };

const play = (script: Script) => {
  const [runs, history, aborts] = [[...script.runs], [...(script.history ?? [])], [...(script.abort ?? [])]];
  const asked: string[] = [];
  const clock = manualClock();
  let reconnects = 0;
  let count = 0;
  const host: Host = {
    name: 'prod',
    connect: async () => {},
    async run(argv, sinks) {
      asked.push(argv.join(' '));
      const run = runs.shift();
      if (run === undefined) throw new Error(`unexpected: ${argv.join(' ')}`);
      await script.meanwhile?.(count++);
      sinks.stdout(Buffer.from(run.out ?? ''));
      sinks.stderr(Buffer.from(run.err ?? ''));
      return run.ended;
    },
    async ask(argv) {
      asked.push(argv.join(' '));
      if (argv.includes('abort')) return { exitCode: aborts.shift() ?? 130, stdout: '', stderr: '' };
      return history.shift() ?? null;
    },
    askProgram: async () => null,
    reconnect: async () => {
      reconnects += 1;
    },
    close: () => {},
  };
  const shown = { out: '', err: '', said: [] as string[] };
  let abort = (): void => {};
  const follow = async (before: { readonly newest: Newest } | null = { newest: OLD }) => {
    const followed: Followed = { argv: ['v0.0.2'], scope: ['-d', 'staging'], look: ['--json'], before };
    const following = {
      stdout: (text: string) => {
        shown.out += text;
      },
      stderr: (text: string) => {
        shown.err += text;
      },
      onAbort: (act: () => void) => {
        abort = act;
      },
    };
    const world = { clock, signal: new AbortController().signal, say: (line: string) => void shown.said.push(line) };
    let over = false;
    const ending = followThere(host, followed, following, world).finally(() => {
      over = true;
    });
    ending.catch(() => {});
    while (!over) await clock.advance(500);
    return ending;
  };
  return { follow, shown, asked, clock, abort: () => abort(), reconnects: () => reconnects };
};

describe('following an operation on another host', () => {
  it('ends as it ends there, with its result', async () => {
    const played = play({ runs: [exits(20, 'a result', 'ok  plan\n')] });
    expect(await played.follow()).toBe(20);
    expect(played.shown).toEqual({ out: 'a result', err: 'ok  plan\n', said: [] });
    expect(played.asked).toEqual(['v0.0.2']);
  });

  it('is followed again after each lost connection, and shows one result', async () => {
    const again = { ...LOST, err: 'following it\nok  plan\nok  pull\nok  fen' };
    const played = play({
      runs: [LOST, again, exits(0, 'a result', 'following it\nok  plan\nok  pull\nok  fence\n')],
      history: [operations({ id: '000002-bbbb', exitCode: 0 })],
    });
    expect(await played.follow()).toBe(0);
    expect(played.shown.out).toBe('a result');
    expect(played.shown.err).toBe('ok  plan\nfollowing it\nok  pull\nok  fence\n');
    expect(played.reconnects()).toBe(2);
    expect(played.asked[1]).toBe('-d staging --json attach');
    expect(played.shown.said[0]).toBe('the connection to prod was lost; what was begun goes on there');
  });

  it('has the exit code of what ended while nobody was connected', async () => {
    const played = play({
      runs: [LOST, exits(3, 'nothing runs')],
      history: [operations({ id: '000002-bbbb', exitCode: 20 })],
    });
    expect(await played.follow()).toBe(20);
    expect(played.shown.out).toBe('nothing runs');
  });

  it('whose process died there is said to have died', async () => {
    const played = play({ runs: [LOST, exits(3)], history: [operations({ id: '000002-bbbb', exitCode: null })] });
    await expect(played.follow()).rejects.toMatchObject({
      code: 'runner-died',
      hint: 'kaleem-deploy --host prod recover finishes or undoes it',
    });
  });

  it('that never began is not taken for an earlier one', async () => {
    for (const [newest, answer] of [
      [OLD, operations(OLD)],
      [null, operations()],
    ] as const) {
      const played = play({ runs: [LOST, ...Array(5).fill(exits(3))], history: Array(5).fill(answer) });
      await expect(played.follow({ newest })).rejects.toMatchObject({
        code: 'remote-unreachable',
        message: 'the connection to prod was lost before anything began there',
      });
    }
  });

  it('that waits for another one is followed once it has begun', async () => {
    const played = play({
      runs: [LOST, exits(20, "somebody else's"), exits(0, 'ours')],
      history: [operations(OLD), operations({ id: '000003-cccc', exitCode: 0 })],
    });
    expect(await played.follow()).toBe(0);
    expect(played.shown.out).toBe('ours');
  });

  it('goes on when the connection is lost again while it is asked what became of it', async () => {
    const played = play({
      runs: [LOST, exits(3), exits(3)],
      history: [null, operations({ id: '000002-bbbb', exitCode: 0 })],
    });
    expect(await played.follow()).toBe(0);
    expect(played.reconnects()).toBe(2);
  });

  it('is believed where the history does not say', async () => {
    const unreadable: Answer = { exitCode: 10, stdout: '', stderr: 'error' };
    const played = play({ runs: [LOST, exits(3)], history: [unreadable] });
    expect(await played.follow({ newest: 'unknown' })).toBe(3);
  });

  it('that it only came to look at has the exit code of the look', async () => {
    const played = play({ runs: [LOST, exits(3, 'nothing runs')] });
    expect(await played.follow(null)).toBe(3);
    expect(played.shown.said[0]).toContain('what runs goes on there');
  });

  it('gives up on a front that is killed each time', async () => {
    const killed: Run = { ended: { how: 'killed', signal: 'SIGKILL' } };
    await expect(play({ runs: Array(6).fill(killed) }).follow()).rejects.toMatchObject({ code: 'remote-unreachable' });
  });

  it('is asked to abort until something runs that can be, once', async () => {
    const played = play({
      runs: [exits(130, '', 'aborting\n')],
      abort: [3, 3, 130],
      meanwhile: async () => {
        played.abort();
        played.abort();
        await played.clock.advance(5_000);
      },
    });
    expect(await played.follow()).toBe(130);
    expect(played.asked.filter((line) => line.endsWith('abort'))).toEqual(Array(3).fill('-d staging -q --json abort'));
  });
});

describe('the newest operation there', () => {
  const hostOf = (answer: Answer | null): Host => ({ ...({} as Host), ask: async () => answer });

  it.each([
    ['is there', operations(OLD), OLD],
    ['is none', operations(), null],
    ['is not told', { exitCode: 12, stdout: '', stderr: '' }, 'unknown'],
    ['is told in no JSON', { exitCode: 0, stdout: 'hello', stderr: '' }, 'unknown'],
    ['is told as something else', { exitCode: 0, stdout: '{}', stderr: '' }, 'unknown'],
    ['is lost with the connection', null, 'lost'],
  ])('%s', async (_, answer, expected) => {
    expect(await newestOperation(hostOf(answer), [])).toEqual(expected);
  });
});
