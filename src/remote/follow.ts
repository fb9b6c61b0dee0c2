import { StringDecoder } from 'node:string_decoder';
import { DeployError } from '../errors.ts';
import type { Ended } from './connection.ts';
import type { Host } from './host.ts';
import { createUnseen } from './unseen.ts';
import type { RemoteWorld } from './world.ts';

/** Something that goes on by itself there once it has begun, and is followed from here. */
export interface Followed {
  readonly argv: readonly string[];
  /** What says which project is meant: -c and -d, with their values. */
  readonly scope: readonly string[];
  /** How it is shown: --json, -q, -v. */
  readonly look: readonly string[];
  /** The newest operation there before this one begins; null: it begins nothing, and only came to look at what runs. */
  readonly before: { readonly newest: Newest } | null;
}

export interface Following {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Ctrl-C: called by `followThere` with what is to be done then. */
  onAbort(abort: () => void): void;
}

interface Operation {
  readonly id: string;
  readonly exitCode: number | null;
}

const NOTHING_RUNS = 3;
const ABORT_AGAIN_MS = 1_000;
/** Of what waits for another operation to end, or is just beginning. */
const LOOK_AGAIN_MS = 2_000;
const MOST_LOOKS = 5;

const operationsIn = (text: string): readonly Operation[] | null => {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? (found as readonly Operation[]) : null;
  } catch {
    return null;
  }
};

/** The newest operation there; null: there was none. `unknown`: it does not say; `lost`: the connection is. */
export type Newest = Operation | null | 'unknown' | 'lost';

export const newestOperation = async (host: Host, scope: readonly string[]): Promise<Newest> => {
  const answer = await host.ask([...scope, 'history', '--json', '--limit', '1']);
  if (answer === null) return 'lost';
  const operations = answer.exitCode === 0 ? operationsIn(answer.stdout) : null;
  return operations === null ? 'unknown' : (operations[0] ?? null);
};

const idOf = (newest: Newest): string | null | undefined =>
  typeof newest === 'string' ? undefined : (newest?.id ?? null);

/** `kaleem-deploy --host NAME VERB` */
const command = (host: Host, verb: string): string => `kaleem-deploy --host ${host.name} ${verb}`;

/**
 * Runs it there and follows it to its end: a connection that is lost is made again, and what was begun is followed again.
 * Results are shown at the end, once, whichever connection they came by.
 * @returns the exit code of the operation
 * @throws DeployError 'remote-unreachable', 'runner-died'; the signal's reason
 */
export const followThere = async (
  host: Host,
  followed: Followed,
  following: Following,
  { clock, signal, say }: Pick<RemoteWorld, 'clock' | 'signal' | 'say'>,
): Promise<number> => {
  const { scope, look, before } = followed;
  const unseen = createUnseen();
  const over = new AbortController();
  let result: Buffer[] = [];
  let aborting = false;
  let connected = true;

  const run = async (argv: readonly string[]): Promise<Ended> => {
    result = [];
    const decoder = new StringDecoder('utf8');
    const sinks = {
      stdout: (chunk: Buffer) => void result.push(chunk),
      stderr: (chunk: Buffer) => following.stderr(unseen.take(decoder.write(chunk))),
    };
    return host.run(argv, sinks, signal);
  };
  const finish = (exitCode: number): number => {
    following.stdout(Buffer.concat(result).toString('utf8'));
    return exitCode;
  };

  /** Asked again until something runs that can be asked: what was typed a moment ago may not have begun. */
  const abortThere = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = connected ? await host.ask([...scope, '-q', '--json', 'abort']).catch(() => null) : null;
      if (answer !== null && answer.exitCode !== NOTHING_RUNS) return;
      await clock.sleep(ABORT_AGAIN_MS, over.signal);
    }
  };
  following.onAbort(() => {
    if (aborting) return;
    aborting = true;
    abortThere().catch(() => {});
  });

  const neverBegan = (): DeployError =>
    new DeployError('remote-unreachable', `the connection to ${host.name} was lost before anything began there`, {
      hint: `${command(host, 'history')}; then the same command again`,
    });

  /** Exit code of what ran while nobody followed; null: it has not begun. */
  const becameOf = (last: Exclude<Newest, 'lost'>): number | null => {
    if (last === 'unknown') return NOTHING_RUNS;
    if (last === null || last.id === idOf(before?.newest ?? 'unknown')) return null;
    if (last.exitCode !== null) return last.exitCode;
    throw new DeployError('runner-died', `the process that ran ${last.id} on ${host.name} died`, {
      hint: `${command(host, 'recover')} finishes or undoes it`,
    });
  };

  const again = async (): Promise<number> => {
    let isLost = true;
    for (let looks = 0; looks < MOST_LOOKS; ) {
      if (isLost) {
        connected = false;
        say(
          `the connection to ${host.name} was lost; ${before === null ? 'what runs' : 'what was begun'} goes on there`,
        );
        await host.reconnect();
        connected = true;
        say(`connected to ${host.name} again`);
      }
      unseen.again();
      const ended = await run([...scope, ...look, 'attach']);
      if (ended.how === 'killed') looks += 1;
      isLost = ended.how !== 'exited';
      if (ended.how !== 'exited') continue;
      const { exitCode } = ended;
      if (before === null) return finish(exitCode);
      // What was followed may have been somebody else's, which ours waits for.
      const last = await newestOperation(host, scope);
      if (last === 'lost') {
        isLost = true;
        continue;
      }
      const became = becameOf(last);
      if (became !== null) return finish(exitCode === NOTHING_RUNS ? became : exitCode);
      looks += 1;
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
    throw neverBegan();
  };

  try {
    const first = await run(followed.argv);
    return first.how === 'exited' ? finish(first.exitCode) : await again();
  } finally {
    over.abort();
  }
};
