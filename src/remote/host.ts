import type { Readable } from 'node:stream';
import type { RemoteHost } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { spread } from '../system/spread.ts';
import { SshFailure } from '../system/ssh/failure.ts';
import { quoteWord } from '../system/ssh/quote.ts';
import { type Connection, type Ended, type Keyrings, openConnection, type Sinks } from './connection.ts';
import { remoteCommand } from './remote-command.ts';
import { findRoute, type Hop } from './route.ts';
import type { RemoteWorld } from './world.ts';

/** What a command there said, where it ended by itself. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Another host, and the program there. */
export interface Host {
  readonly name: string;
  /** Connects where there is no connection (any more). Throws 'remote-unreachable', and what `logIn` does. */
  connect(): Promise<void>;
  run(argv: readonly string[], sinks: Sinks, stop?: AbortSignal): Promise<Ended>;
  /** Runs something that says little; null when the connection was lost, or it was killed. */
  ask(argv: readonly string[]): Promise<Answer | null>;
  /** The same for any other program there, where a login begins; `input`: what it reads. */
  askProgram(words: readonly string[], input?: Readable): Promise<Answer | null>;
  /** After a lost connection: with pauses that grow, until it is there or `patienceMs` have gone by. */
  reconnect(): Promise<void>;
  close(): void;
}

const MOST_BYTES = 4 * 1024 * 1024;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A server that reboots, or a train in a tunnel. */
const PATIENCE_MS = 15 * 60_000;

const PLAIN: Pick<RemoteHost, 'directory' | 'program'> = { directory: null, program: ['kaleem-deploy'] };

/** `host`: what the configuration says of it. Connects to nothing yet. */
export const openHost = (name: string, host: RemoteHost | null, world: RemoteWorld): Host => {
  const { clock, signal } = world;
  const keyrings: Keyrings = new Map();
  let route: readonly Hop[] | null = null;
  let connection: Connection | null = null;

  const unreachable = (error: unknown): unknown => {
    if (!(error instanceof SshFailure)) return error;
    const { message, hint, cause } = error;
    const options = hint === undefined ? { cause } : { cause, hint };
    return new DeployError('remote-unreachable', `${name}: ${message}`, options);
  };
  const open = async (): Promise<void> => {
    route ??= await findRoute(name, host, world);
    connection ??= await openConnection(route, keyrings, world);
  };
  const drop = (): void => {
    connection?.close();
    connection = null;
  };

  const connect = (): Promise<void> =>
    open().catch((error: unknown) => {
      throw unreachable(error);
    });
  const run = async (command: string, sinks: Sinks, stop?: AbortSignal, input?: Readable): Promise<Ended> => {
    await connect();
    const ended = await (connection as Connection | null)?.run(command, sinks, stop, input);
    return ended ?? { how: 'lost' };
  };
  const ours = (argv: readonly string[]): string => remoteCommand(host ?? PLAIN, argv);
  const ask = async (command: string, input?: Readable): Promise<Answer | null> => {
    const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    const tooMuch = new AbortController();
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) tooMuch.abort();
      else chunks.push(chunk);
    };
    const sinks = { stdout: keep(said.stdout), stderr: keep(said.stderr) };
    const ended = await run(command, sinks, AbortSignal.any([tooMuch.signal, signal]), input);
    signal.throwIfAborted();
    const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
    if (ended.how !== 'exited') return null;
    return { exitCode: ended.exitCode, stdout: text(said.stdout), stderr: text(said.stderr) };
  };

  return {
    name,
    connect,
    run: (argv, sinks, stop) => run(ours(argv), sinks, stop),
    ask: (argv) => ask(ours(argv)),
    askProgram: (words, input) => ask(words.map(quoteWord).join(' '), input),
    async reconnect() {
      drop();
      const until = clock.monotonic() + PATIENCE_MS;
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
        await clock.sleep(spread(pause), signal);
        try {
          return await open();
        } catch (error) {
          const heals = error instanceof SshFailure && error.kind === 'unreachable';
          if (!heals || clock.monotonic() > until) throw unreachable(error);
        }
      }
    },
    close: drop,
  };
};
