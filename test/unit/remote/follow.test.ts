import { describe, expect, it } from 'vitest';
import type { Ended } from '../../../src/remote/connection.ts';
import { type Followed, followThere } from '../../../src/remote/follow.ts';
import type { Host } from '../../../src/remote/host.ts';
import { manualClock } from '../cli/support.ts';

/** How one run there ends, and what it says before. */
interface Run {
  readonly ended: Ended;
  readonly out?: string;
  readonly err?: string;
}

const exits = (exitCode: number, out = '', err = ''): Run => ({ ended: { how: 'exited', exitCode }, out, err });
const LOST: Run = { ended: { how: 'lost' }, out: 'half a res', err: 'ok  plan\nok  pu' };
const KILLED: Run = { ended: { how: 'killed', signal: 'SIGKILL' } };

interface Script {
  readonly runs: readonly Run[];
  readonly abort?: readonly (number | null)[];
  /** While a run is under way. */
  readonly meanwhile?: (run: number) => Promise<void>;
}

const OURS: Followed = { argv: ['first'], again: ['again'], abort: ['abort', 'ours'] };

const play = (script: Script) => {
  const [runs, aborts] = [[...script.runs], [...(script.abort ?? [])]];
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
      const exitCode = aborts.shift();
      return exitCode == null ? null : { exitCode, stdout: '', stderr: '' };
    },
    askProgram: async () => null,
    reconnect: async () => {
      reconnects += 1;
    },
    close: () => {},
  };
  const shown = { out: '', err: '', said: [] as string[] };
  let abort = (): void => {};
  const follow = async (followed: Followed = OURS) => {
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
    expect(played.asked).toEqual(['first']);
  });

  it('asks for the same after each lost connection, and shows one result and each line once', async () => {
    const again = { ...LOST, err: 'following it\nok  plan\nok  pull\nok  fen' };
    const played = play({
      runs: [LOST, again, exits(0, 'a result', 'following it\nok  plan\nok  pull\nok  fence\n')],
    });
    expect(await played.follow()).toBe(0);
    expect(played.shown.out).toBe('a result');
    expect(played.shown.err).toBe('ok  plan\nfollowing it\nok  pull\nok  fence\n');
    expect(played.reconnects()).toBe(2);
    expect(played.asked).toEqual(['first', 'again', 'again']);
    expect(played.shown.said).toEqual(
      Array(2)
        .fill(['the connection to prod was lost; what was begun goes on there', 'connected to prod again'])
        .flat(),
    );
  });

  it('asks again, over the same connection, where the process that follows there was killed', async () => {
    const played = play({ runs: [KILLED, exits(20)] });
    expect(await played.follow()).toBe(20);
    expect(played.asked).toEqual(['first', 'again']);
    expect(played.reconnects()).toBe(0);
  });

  it('gives up when that is killed each time', async () => {
    const played = play({ runs: Array(6).fill(KILLED) });
    await expect(played.follow()).rejects.toMatchObject({
      code: 'remote-unreachable',
      message: 'what follows it on prod is ended by SIGKILL each time',
    });
    expect(played.asked).toHaveLength(6);
  });

  it('asks to abort it, and nothing else, until it runs and can be asked, once', async () => {
    const played = play({
      runs: [exits(130, '', 'aborting\n')],
      abort: [3, null, 3, 130],
      meanwhile: async () => {
        played.abort();
        played.abort();
        await played.clock.advance(5_000);
      },
    });
    expect(await played.follow()).toBe(130);
    expect(played.asked).toEqual(['first', ...Array(4).fill('abort ours')]);
  });

  it('aborts nothing that it only came to look at', async () => {
    const played = play({
      runs: [exits(0)],
      meanwhile: async () => {
        played.abort();
        await played.clock.advance(5_000);
      },
    });
    await played.follow({ ...OURS, abort: null });
    expect(played.asked).toEqual(['first']);
  });
});
