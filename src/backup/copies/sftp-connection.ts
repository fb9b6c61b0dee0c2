import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeSSH } from 'node-ssh';
import type { CopyPlace } from '../../config/config.ts';
import { DeployError, messageOf } from '../../errors.ts';
import { assertOnlyOwnerReads } from '../../system/permissions.ts';
import { PlaceFailure, type PlaceFailureKind } from './failure.ts';
import { findKnownHost, fingerprint, hostPattern, keyType, type Verdict } from './known-hosts.ts';
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

/** The private key to log in with; null: the agent's will do, or there is none. */
const privateKey = async ({ identityFile, home, agent, name }: SftpPlace): Promise<string | null> => {
  if (identityFile !== null) {
    const text = await readFile(identityFile, 'utf8').catch((error: unknown) => {
      throw new PlaceFailure('refused', `the key ${identityFile} cannot be read: ${messageOf(error)}`, {
        hint: `ssh-keygen -t ed25519 -f ${identityFile}, and add ${identityFile}.pub to ~/.ssh/authorized_keys there`,
      });
    });
    await assertOnlyOwnerReads(identityFile, `copies to ${name}`);
    return text;
  }
  if (agent !== null || home === null) return null;
  for (const key of USUAL_KEYS) {
    const text = await readFile(join(home, '.ssh', key), 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  return null;
};

const refuseHostKey = (place: SftpPlace, verdict: Exclude<Verdict, 'known'>, key: Buffer): PlaceFailure => {
  const { host, port, knownHosts } = place;
  const name = hostPattern(host, port);
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const add = `echo '${name} ${keyType(key)} ${key.toString('base64')}' >> ${knownHosts}`;
  const compare =
    'compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` shows on that server; if it is the same:';
  switch (verdict) {
    case 'unknown':
      return new PlaceFailure('refused', `the host key of ${name} is not known: ${shown}`, {
        hint: `${compare} ${add}`,
      });
    case 'changed':
      return new PlaceFailure('refused', `the host key of ${name} is another one than ${knownHosts} has: ${shown}`, {
        hint: `somebody may be in between. ${compare} ssh-keygen -R '${name}' -f ${knownHosts} && ${add}`,
      });
    case 'revoked':
      return new PlaceFailure('refused', `the host key of ${name} is revoked in ${knownHosts}: ${shown}`);
  }
};

/** Signature algorithms of a type of key: those of RSA have names of their own (RFC 8332). */
const algorithmsOf = (type: string): readonly string[] =>
  type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];

const loginFailure = (place: SftpPlace, error: unknown): PlaceFailure => {
  const { level } = error as { readonly level?: string };
  const { username, host, identityFile, agent } = place;
  if (level === 'client-authentication') {
    const tried = identityFile ?? (agent === null ? 'the usual keys in ~/.ssh' : 'the keys of the SSH agent');
    return new PlaceFailure('refused', `${host} does not let ${username} in with ${tried}: ${messageOf(error)}`, {
      hint: `put the public key into ~/.ssh/authorized_keys of ${username} there; try it: sftp ${username}@${host}`,
      cause: error,
    });
  }
  const isKey = /privateKey|passphrase/i.test(messageOf(error));
  return new PlaceFailure(isKey ? 'refused' : 'unreachable', `no connection to ${host}: ${messageOf(error)}`, {
    cause: error,
  });
};

/** A connection that may be used. Rejects with a PlaceFailure, the signal's reason, or 'config-unsafe' for a key that others can read. */
export const connectSftp = async (place: SftpPlace, world: PlaceWorld): Promise<SftpConnection> => {
  const { patience } = world;
  const { NodeSSH } = (await import('node-ssh')) as { readonly NodeSSH: new () => NodeSSH };
  const known = findKnownHost(await readFile(place.knownHosts, 'utf8').catch(() => ''), place.host, place.port);
  const key = await privateKey(place);
  const ssh = new NodeSSH();
  let lost = false;
  let refusal: PlaceFailure | null = null;
  const waiting = new Set<() => void>();
  const lose = (): void => {
    lost = true;
    for (const fail of [...waiting]) fail();
  };
  const close = (): void => {
    ssh.connection?.destroy();
    lose();
  };

  const connect = async (): Promise<Sftp> => {
    const connecting = ssh.connect({
      ...{ host: place.host, port: place.port, username: place.username, readyTimeout: 2 * patience.connectMs },
      ...(key === null ? {} : { privateKey: key }),
      ...(key === null || place.passphrase === null ? {} : { passphrase: place.passphrase }),
      ...(place.agent === null || place.identityFile !== null ? {} : { agent: place.agent }),
      ...(known.types.length === 0
        ? {}
        : { algorithms: { serverHostKey: known.types.flatMap(algorithmsOf) as never } }),
      keepaliveInterval: Math.ceil(patience.silenceMs / 4),
      hostVerifier: (offered: Buffer) => {
        const verdict = known.judge(offered);
        if (verdict !== 'known') refusal = refuseHostKey(place, verdict, offered);
        return verdict === 'known';
      },
    });
    // It may fail at any time, and an error that nobody hears ends the process.
    ssh.connection?.on('error', lose);
    ssh.connection?.on('close', lose);
    await connecting;
    return ssh.requestSFTP();
  };
  const sftp = await inTime(world, patience.connectMs, `no connection to ${place.host}`, connect()).catch(
    (error: unknown) => {
      close();
      if (error === world.signal.reason || error instanceof PlaceFailure || error instanceof DeployError) throw error;
      throw refusal ?? loginFailure(place, error);
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
