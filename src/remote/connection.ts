import type { Duplex, Readable } from 'node:stream';
import type { NodeSSH } from 'node-ssh';
import { messageOf } from '../errors.ts';
import { SshFailure } from '../system/ssh/failure.ts';
import { type Keyring, openKeyring } from '../system/ssh/keyring.ts';
import { logIn } from './log-in.ts';
import type { Hop } from './route.ts';
import type { RemoteWorld } from './world.ts';

/** How a command on the other host ended. `lost`: the connection was, and nobody knows what became of the command. */
export type Ended =
  | { readonly how: 'exited'; readonly exitCode: number }
  | { readonly how: 'killed'; readonly signal: string }
  | { readonly how: 'lost' };

export interface Sinks {
  readonly stdout: (chunk: Buffer) => void;
  readonly stderr: (chunk: Buffer) => void;
}

/** A way to a host, that may be lost at any time. */
export interface Connection {
  /**
   * Runs a command line there, without a terminal; `input`: what it reads. `stop` aborted: it is told, and no longer listened to. Rejects
   * when the input can't be read: to the program that is the end of it.
   */
  run(command: string, sinks: Sinks, stop?: AbortSignal, input?: Readable): Promise<Ended>;
  close(): void;
}

/** Remembers the keys of the hosts on the way, so that a passphrase is typed once. */
export type Keyrings = Map<Hop, Promise<Keyring>>;

const keyringOf = (hop: Hop, keyrings: Keyrings, { terminal }: RemoteWorld): Promise<Keyring> => {
  const known = keyrings.get(hop);
  if (known !== undefined) return known;
  const { identityFiles: files, onlyIdentityFiles: onlyFiles, agent } = hop.settings;
  const passphrase = terminal?.passphrase ?? (async () => null);
  const keyring = openKeyring({ files, onlyFiles, agent, named: hop.keysNamed, passphrase });
  keyrings.set(hop, keyring);
  return keyring;
};

const streamThrough = (ssh: NodeSSH, via: Hop, { settings }: Hop): Promise<Duplex> =>
  ssh.forwardOut('127.0.0.1', 0, settings.hostName, settings.port).catch((error: unknown) => {
    const to = `${settings.hostName}:${settings.port}`;
    throw new SshFailure('unreachable', `${to} can't be reached through ${via.name}: ${messageOf(error)}`, {
      cause: error,
    });
  });

/** A shell in between tells a signal as 128 and its number; we have no exit codes as high, but that of Ctrl-C. */
const endingOf = (exitCode: number | null, signal: string | undefined): Ended => {
  if (exitCode === null) return { how: 'killed', signal: signal ?? 'a signal' };
  if (exitCode > 130) return { how: 'killed', signal: `signal ${exitCode - 128}` };
  return { how: 'exited', exitCode };
};

const runOn = (
  ssh: NodeSSH,
  command: string,
  { stdout, stderr }: Sinks,
  stop?: AbortSignal,
  input?: Readable,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const { connection } = ssh;
    const lost = (): void => resolve({ how: 'lost' });
    if (connection === null) return lost();
    connection.once('close', lost);
    // It throws when the connection has just gone.
    try {
      connection.exec(command, (error, channel) => {
        if (error) return lost();
        let ended: Ended = { how: 'lost' };
        const onInputError = (failure: Error): void => {
          reject(failure);
          channel.close();
        };
        channel.on('data', stdout);
        channel.stderr.on('data', stderr);
        channel.on('exit', (exitCode: number | null, signal?: string) => {
          ended = endingOf(exitCode, signal);
        });
        channel.on('close', () => {
          connection.off('close', lost);
          input?.destroy();
          resolve(ended);
        });
        // Of a program that ends before its input does.
        channel.on('error', () => {});
        if (input === undefined) channel.end();
        else input.once('error', onInputError).pipe(channel);
        const onStop = (): void => {
          channel.signal('INT');
          channel.close();
        };
        if (stop?.aborted) onStop();
        stop?.addEventListener('abort', onStop, { once: true });
      });
    } catch {
      lost();
    }
  });

/** Connects to the last host of the route, through those before it. Throws as `logIn` does. */
export const openConnection = async (
  route: readonly Hop[],
  keyrings: Keyrings,
  world: RemoteWorld,
): Promise<Connection> => {
  const open: NodeSSH[] = [];
  const close = (): void => {
    for (const ssh of open.splice(0).reverse()) ssh.connection?.destroy();
  };
  try {
    for (const [index, hop] of route.entries()) {
      const keyring = await keyringOf(hop, keyrings, world);
      const [via, before] = [route[index - 1], open.at(-1)];
      const through = via === undefined || before === undefined ? null : () => streamThrough(before, via, hop);
      open.push(await logIn(hop, keyring, through, world));
    }
  } catch (error) {
    close();
    throw error;
  }
  const last = open.at(-1) as NodeSSH;
  return { run: (command, sinks, stop, input) => runOn(last, command, sinks, stop, input), close };
};
