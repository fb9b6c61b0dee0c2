import type { Duplex } from 'node:stream';
import type { NodeSSH } from 'node-ssh';
import type { AuthMethod } from 'ssh2';
import { DeployError, messageOf } from '../../errors.ts';
import { SshFailure } from './failure.ts';
import type { Keyring } from './keyring.ts';
import { hostKeyAlgorithms } from './public-key.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly keyring: Keyring;
  /** Types of host keys that are known of it. */
  readonly knownTypes: readonly string[];
  /** Why this key of the host's is not accepted; null: it is. */
  readonly checkHostKey: (key: Buffer) => SshFailure | null;
  /** Until the host has shown its key. */
  readonly connectMs: number;
  /** From then on until we are in: somebody may have to type a passphrase. */
  readonly loginMs: number;
  /** Between signs of life that are asked for; after three without an answer the connection counts as lost. */
  readonly keepaliveMs: number;
  /** A stream to the host, where it is reached through another one. */
  readonly through?: Duplex;
  /** Ends the attempt; the connection belongs to whoever gets it. */
  readonly signal: AbortSignal;
}

const loginFailure = ({ host, username, keyring }: SshTarget, error: unknown): SshFailure => {
  if ((error as { readonly level?: string }).level !== 'client-authentication') {
    return new SshFailure('unreachable', `no connection to ${host}: ${messageOf(error)}`, { cause: error });
  }
  return new SshFailure('refused', `${host} does not let ${username} in with ${keyring.shown}: ${messageOf(error)}`, {
    hint: `put the public key into ~/.ssh/authorized_keys of ${username} there; try it: ssh ${username}@${host}`,
    cause: error,
  });
};

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/**
 * Logs in. The connection's errors are heard from then on (one that nobody hears ends the process), and end it.
 * @throws SshFailure, the signal's reason, 'config-unsafe' for a key that others can read
 */
export const connectSsh = async (target: SshTarget): Promise<NodeSSH> => {
  const { host, port, username, keyring, signal } = target;
  const { NodeSSH } = (await import('node-ssh')) as { readonly NodeSSH: new () => NodeSSH };
  signal.throwIfAborted();
  const ssh = new NodeSSH();
  let refusal: SshFailure | null = null;
  const connecting = ssh.connect({
    ...{ host, port, username, readyTimeout: 0 },
    ...(target.through === undefined ? {} : { sock: target.through as never }),
    // The types have only what all methods have in common.
    authHandler: [{ type: 'agent', username, agent: keyring.agent } as AuthMethod],
    algorithms: { serverHostKey: hostKeyAlgorithms(target.knownTypes) },
    ...{ keepaliveInterval: target.keepaliveMs, keepaliveCountMax: 3 },
    hostVerifier: (key: Buffer) => {
      refusal = target.checkHostKey(key);
      return refusal === null;
    },
  });
  const { connection } = ssh;
  connection?.on('error', () => connection.destroy());

  const given = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const late = (ms: number) => (): void =>
      reject(new SshFailure('unreachable', `no connection to ${host}: no answer within ${seconds(ms)}`));
    let timer = setTimeout(late(target.connectMs), target.connectMs);
    connection?.once('handshake', () => {
      clearTimeout(timer);
      timer = setTimeout(late(target.loginMs), target.loginMs);
    });
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    connecting.then(over, over);
  });
  try {
    await Promise.race([connecting, given]);
    return ssh;
  } catch (error) {
    connecting.catch(() => {});
    connection?.destroy();
    if (error === signal.reason || error instanceof SshFailure || error instanceof DeployError) throw error;
    throw refusal ?? loginFailure(target, error);
  }
};
