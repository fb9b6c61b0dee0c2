import { join } from 'node:path';
import type { NodeSSH } from 'node-ssh';
import type { CopyPlace } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import { systemCommands } from '../../system/command.ts';
import { connectSsh } from '../../system/ssh/connect.ts';
import { SshFailure } from '../../system/ssh/failure.ts';
import { hostKeyFailure } from '../../system/ssh/host-key-failure.ts';
import { type Keys, openKeyring } from '../../system/ssh/keyring.ts';
import { findKnownHost } from '../../system/ssh/known-hosts.ts';
import { knownName } from '../../system/ssh/public-key.ts';
import { PlaceFailure, type PlaceFailureKind } from './failure.ts';
import { inTime, type PlaceWorld } from './patience.ts';

export type SftpPlace = CopyPlace & { readonly type: 'sftp' };
export type Sftp = Awaited<ReturnType<NodeSSH['requestSFTP']>>;
type Callback<T> = (error: Error | null | undefined, value: T) => void;

/** One connection. Once anything at it came to no end, it is closed, and `lost`. */
export interface SftpConnection {
  readonly lost: boolean;
  /** Asks the server for one thing. `what` is for the message of a failure. */
  call<T>(what: string, ask: (sftp: Sftp, done: Callback<T>) => void): Promise<T>;
  /** What a command prints, where the server lets it run and it ends well in time; else null. */
  output(command: string, ms: number): Promise<string | null>;
  close(): void;
}

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, 7): 2 no such file, 3 permission denied, 4 failure, 5 bad message, 8 unsupported. */
const STATUS: Readonly<Record<number, PlaceFailureKind>> = {
  2: 'missing',
  3: 'refused',
  4: 'failed',
  5: 'failed',
  8: 'unsupported',
};

const asFailure = (what: string, error: unknown): PlaceFailure => {
  const { code } = error as { readonly code?: unknown };
  const kind = typeof code === 'number' ? (STATUS[code] ?? 'unreachable') : 'unreachable';
  return new PlaceFailure(kind, `${what}: ${messageOf(error)}`, { cause: error });
};

const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
/** Asking somebody is out of the question: backups are copied at night. */
const keysOf = ({ identityFile, home, agent, passphrase }: SftpPlace): Keys => ({
  files:
    identityFile === null
      ? USUAL_KEYS.flatMap((key) => (home === null ? [] : [join(home, '.ssh', key)]))
      : [identityFile],
  named: identityFile !== null,
  agent: identityFile === null ? agent : null,
  onlyFiles: false,
  passphrase: async (_, again) => (again ? null : passphrase),
});

const logIn = async (place: SftpPlace, { patience, signal }: PlaceWorld): Promise<NodeSSH> => {
  const { host, port, username, knownHosts } = place;
  const name = knownName(host, port);
  const known = await findKnownHost(name, [knownHosts], { commands: systemCommands, signal });
  return connectSsh({
    ...{ host, port, username, signal, keyring: await openKeyring(keysOf(place)), knownTypes: known.types },
    ...{ connectMs: patience.connectMs, loginMs: patience.connectMs, keepaliveMs: Math.ceil(patience.silenceMs / 4) },
    checkHostKey: (key) => {
      const verdict = known.judge(key);
      return verdict.is === 'known' ? null : hostKeyFailure(verdict, { name, key, file: knownHosts });
    },
  });
};

/** A connection that may be used. Rejects with a PlaceFailure, the signal's reason, or 'config-unsafe' for a key that others can read. */
export const connectSftp = async (place: SftpPlace, world: PlaceWorld): Promise<SftpConnection> => {
  const { patience } = world;
  const ssh = await logIn(place, world).catch((error: unknown) => {
    throw error instanceof SshFailure ? new PlaceFailure(error.kind, error.message, error) : error;
  });
  let lost = false;
  const waiting = new Set<() => void>();
  const lose = (): void => {
    lost = true;
    for (const fail of [...waiting]) fail();
  };
  ssh.connection?.on('error', lose);
  ssh.connection?.on('close', lose);
  const close = (): void => {
    ssh.connection?.destroy();
    lose();
  };
  const sftp = await inTime(world, patience.connectMs, `no SFTP from ${place.host}`, ssh.requestSFTP()).catch(
    (error: unknown) => {
      close();
      throw error === world.signal.reason || error instanceof PlaceFailure ? error : asFailure('no SFTP', error);
    },
  );
  sftp.on('error', lose);
  sftp.on('close', lose);

  return {
    get lost() {
      return lost;
    },
    async call<T>(what: string, ask: (sftp: Sftp, done: Callback<T>) => void): Promise<T> {
      if (lost) throw new PlaceFailure('unreachable', `${what}: the connection was lost`);
      const work = new Promise<T>((resolve, reject) => {
        const fail = (): void => reject(new PlaceFailure('unreachable', `${what}: the connection was lost`));
        waiting.add(fail);
        const answered = (error: Error | null | undefined, value: T): void => {
          waiting.delete(fail);
          if (error) reject(asFailure(what, error));
          else resolve(value);
        };
        try {
          ask(sftp, answered);
        } catch (error) {
          // It is not even asked for what the server has said it can't do.
          waiting.delete(fail);
          reject(new PlaceFailure('unsupported', `${what}: ${messageOf(error)}`, { cause: error }));
        }
      });
      try {
        return await inTime(world, patience.silenceMs, what, work);
      } catch (error) {
        if (!(error instanceof PlaceFailure) || error.kind === 'unreachable') close();
        throw error;
      }
    },
    async output(command, ms) {
      try {
        const { code, stdout } = await inTime(world, ms, command, ssh.execCommand(command));
        return code === 0 ? stdout : null;
      } catch {
        world.signal.throwIfAborted();
        return null;
      }
    },
    close,
  };
};
