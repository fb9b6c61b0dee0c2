import { StringDecoder } from 'node:string_decoder';
import { DeployError } from '../errors.ts';
import type { Ended } from './connection.ts';
import type { Host } from './host.ts';
import { createUnseen } from './unseen.ts';
import type { RemoteWorld } from './world.ts';

/** Something that goes on by itself there once it has begun, and is followed from here. */
export interface Followed {
  /** What is asked for. */
  readonly argv: readonly string[];
  /** What is asked for once the connection is there again: the same under the same --request-id, which is done once, or a look. */
  readonly again: readonly string[];
  /** What aborts it, and nothing else; null: it only came to look. */
  readonly abort: readonly string[] | null;
}

export interface Following {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Ctrl-C: called by `followThere` with what is to be done then. */
  onAbort(abort: () => void): void;
}

const NOTHING_RUNS = 3;
const ABORT_AGAIN_MS = 1_000;
/** A process there that is killed while it only follows is started again; each time, somebody means it. */
const MOST_KILLS = 5;

/**
 * Runs it there and follows it to its end: a connection that is lost is made again, and the same is asked for again.
 * Results are shown at the end, once, whichever connection they came by.
 * @returns the exit code of the operation
 * @throws DeployError 'remote-unreachable'; the signal's reason
 */
export const followThere = async (
  host: Host,
  followed: Followed,
  following: Following,
  { clock, signal, say }: Pick<RemoteWorld, 'clock' | 'signal' | 'say'>,
): Promise<number> => {
  const { abort } = followed;
  const unseen = createUnseen();
  const over = new AbortController();
  let result: Buffer[] = [];
  let aborting = false;
  let connected = true;

  const run = async (argv: readonly string[]): Promise<Ended> => {
    result = [];
    unseen.again();
    const decoder = new StringDecoder('utf8');
    const sinks = {
      stdout: (chunk: Buffer) => void result.push(chunk),
      stderr: (chunk: Buffer) => following.stderr(unseen.take(decoder.write(chunk))),
    };
    return host.run(argv, sinks, signal);
  };

  /** Asked again until something runs that can be asked: what was typed a moment ago may not have begun. */
  const abortThere = async (argv: readonly string[]): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = connected ? await host.ask(argv).catch(() => null) : null;
      if (answer !== null && answer.exitCode !== NOTHING_RUNS) return;
      await clock.sleep(ABORT_AGAIN_MS, over.signal);
    }
  };
  following.onAbort(() => {
    if (aborting || abort === null) return;
    aborting = true;
    abortThere(abort).catch(() => {});
  });

  const reconnect = async (): Promise<void> => {
    connected = false;
    say(`the connection to ${host.name} was lost; what was begun goes on there`);
    await host.reconnect();
    connected = true;
    say(`connected to ${host.name} again`);
  };

  try {
    let ended = await run(followed.argv);
    for (let kills = 0; ended.how !== 'exited'; ended = await run(followed.again)) {
      if (ended.how === 'lost') await reconnect();
      else {
        kills += 1;
        if (kills > MOST_KILLS) throw killed(host.name, ended.signal);
      }
    }
    following.stdout(Buffer.concat(result).toString('utf8'));
    return ended.exitCode;
  } finally {
    over.abort();
  }
};

const killed = (name: string, signal: string): DeployError =>
  new DeployError('remote-unreachable', `what follows it on ${name} is ended by ${signal} each time`, {
    hint: `what was begun goes on there: kaleem-deploy --host ${name} history`,
  });
