import type { Duplex } from 'node:stream';
import type { NodeSSH } from 'node-ssh';
import { connectSsh } from '../system/ssh/connect.ts';
import { SshFailure } from '../system/ssh/failure.ts';
import { hostKeyFailure } from '../system/ssh/host-key-failure.ts';
import type { Keyring } from '../system/ssh/keyring.ts';
import { findKnownHost, type Verdict } from '../system/ssh/known-hosts.ts';
import { knownName, shownKey } from '../system/ssh/public-key.ts';
import type { Hop } from './route.ts';
import { trustHostKey } from './trust.ts';
import type { RemoteWorld } from './world.ts';

const CONNECT_MS = 20_000;
/** sshd's own LoginGraceTime, by default. */
const TYPING_MS = 120_000;
const KEEPALIVE_MS = 15_000;

interface Offered {
  readonly key: Buffer;
  readonly verdict: Verdict;
}

const nameOf = ({ settings }: Hop): string => settings.hostKeyAlias ?? knownName(settings.hostName, settings.port);

const attempt = async (
  hop: Hop,
  keyring: Keyring,
  through: (() => Promise<Duplex>) | null,
  { commands, signal, terminal }: RemoteWorld,
): Promise<{ readonly ssh: NodeSSH } | { readonly failure: unknown; readonly offered: Offered | null }> => {
  const { hostName: host, port, user, connectMs, keepaliveMs, ...settings } = hop.settings;
  const name = nameOf(hop);
  const files = [...settings.userKnownHosts, ...settings.globalKnownHosts];
  const known = await findKnownHost(name, files, { commands, signal });
  let offered: Offered | null = null;
  try {
    const ssh = await connectSsh({
      ...{ host, port, username: user, keyring, signal, knownTypes: known.types },
      ...(through === null ? {} : { through: await through() }),
      ...{ connectMs: connectMs ?? CONNECT_MS, keepaliveMs: keepaliveMs ?? KEEPALIVE_MS },
      loginMs: terminal === null ? (connectMs ?? CONNECT_MS) : TYPING_MS,
      checkHostKey: (key) => {
        const verdict = known.judge(key);
        offered = { key, verdict };
        const file = settings.userKnownHosts[0] ?? '~/.ssh/known_hosts';
        return verdict.is === 'known' ? null : hostKeyFailure(verdict, { name, key, file });
      },
    });
    return { ssh };
  } catch (failure) {
    return { failure, offered };
  }
};

/**
 * Logs in to one host of a route. A host that is not known is asked about where somebody can be asked, and its key
 * remembered; a key that has changed, or is revoked, is refused always.
 * @param through makes a stream to it, where it is reached through another one
 * @throws SshFailure, DeployError 'config-unsafe', the signal's reason
 */
export const logIn = async (
  hop: Hop,
  keyring: Keyring,
  through: (() => Promise<Duplex>) | null,
  world: RemoteWorld,
): Promise<NodeSSH> => {
  const first = await attempt(hop, keyring, through, world);
  if ('ssh' in first) return first.ssh;
  const { failure, offered } = first;
  const [file] = hop.settings.userKnownHosts;
  const isNew = offered?.verdict.is === 'unknown' && offered.verdict.authority === null;
  if (!isNew || file === undefined || !hop.settings.asksForUnknown || world.terminal === null) throw failure;
  const name = nameOf(hop);
  const lines = [
    `the host key of ${name} is not known: ${shownKey(offered.key)}`,
    'compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` shows on that server',
  ];
  if (!(await world.terminal.confirm(lines, 'is it the same?'))) {
    throw new SshFailure('refused', `the host key of ${name} was not accepted`);
  }
  await trustHostKey(file, { name, key: offered.key, hash: hop.settings.hashKnownHosts });
  const second = await attempt(hop, keyring, through, world);
  if ('ssh' in second) return second.ssh;
  throw second.failure;
};
