import type { RemoteHost } from '../config/config.ts';
import { isHostName, isHostWithUser } from '../config/host-name.ts';
import { DeployError } from '../errors.ts';
import { lastLine } from '../system/command.ts';
import { parseSshConfig, type SshSettings } from './ssh-config.ts';
import type { RemoteWorld } from './world.ts';

/** A host on the way, or the one at its end. */
export interface Hop {
  readonly name: string;
  readonly settings: SshSettings;
  /** Somebody named its key files: one that is missing is a mistake. */
  readonly keysNamed: boolean;
}

type Overrides = Partial<Pick<RemoteHost, 'address' | 'port' | 'user' | 'identityFile'>>;
type RouteWorld = Pick<RemoteWorld, 'commands' | 'environment' | 'home' | 'signal'>;

const ASK_MS = 30_000;
const MOST_HOPS = 8;

/** Throws 'usage' for what is no name of a host. */
export const assertHost = (name: string): void => {
  if (isHostWithUser(name)) return;
  throw new DeployError('usage', `'${name}' is not the name of a host`, {
    hint: 'a name of kaleem-deploy.yml (hosts:) or of ~/.ssh/config, an address, or user@host',
  });
};

/** Asks `ssh -G`. What is known better stands on its command line, so that its own `Match` blocks see it too. */
const askSsh = async (name: string, overrides: Overrides, world: RouteWorld): Promise<Hop> => {
  const { address = null, port = null, user = null, identityFile = null } = overrides;
  const argv = [
    ...['ssh', '-T', '-G'],
    ...(address === null ? [] : ['-o', `HostName=${address}`]),
    ...(port === null ? [] : ['-p', String(port)]),
    ...(user === null ? [] : ['-l', user]),
    ...['--', name],
  ];
  const env = Object.fromEntries(Object.entries(world.environment).filter(([, value]) => value !== undefined));
  const { commands, signal } = world;
  const result = await commands.run(argv, { timeoutMs: ASK_MS, signal, env: env as Record<string, string> });
  if (result.exitCode !== 0) {
    throw new DeployError('remote-unreachable', `ssh -G can't say what ${name} is: ${lastLine(result)}`, {
      hint: result.exitCode === 127 ? 'sudo apt-get install openssh-client' : `ssh -G ${name}`,
    });
  }
  const settings = parseSshConfig(result.stdout, { name: name.slice(name.lastIndexOf('@') + 1), ...world });
  const [unsupported] = settings.unsupported;
  if (unsupported !== undefined) {
    const hint = unsupported === 'proxycommand' ? 'use ProxyJump instead' : `ssh -G ${name} | grep -i ${unsupported}`;
    throw new DeployError('remote-unreachable', `${name}: ${unsupported} of OpenSSH's configuration is not supported`, {
      hint,
    });
  }
  if (identityFile === null) return { name, settings, keysNamed: false };
  return { name, settings: { ...settings, identityFiles: [identityFile], onlyIdentityFiles: true }, keysNamed: true };
};

/** `user@host:port`, `[::1]:22` or `ssh://user@host:port` (ssh_config(5), ProxyJump). */
const parseJump = (text: string): { readonly host: string } & Overrides => {
  const { user, host, v6, port } =
    /^(?:ssh:\/\/)?(?:(?<user>[^@]*)@)?(?:\[(?<v6>[^\]]*)\]|(?<host>[^:]*))(?::(?<port>\d{1,5}))?\/?$/.exec(text.trim())
      ?.groups ?? {};
  const name = v6 ?? host ?? '';
  if (!isHostName(name) || (user !== undefined && !isHostWithUser(`${user}@${name}`))) {
    throw new DeployError('remote-unreachable', `ProxyJump names '${text}', which is no host`, {
      hint: 'ssh_config(5), ProxyJump: user@host:port, several with commas',
    });
  }
  return { host: name, user: user ?? null, port: port === undefined ? null : Number(port) };
};

const routeOf = async (
  name: string,
  overrides: Overrides,
  world: RouteWorld,
  depth: number,
): Promise<readonly Hop[]> => {
  if (depth > MOST_HOPS) {
    throw new DeployError(
      'remote-unreachable',
      `ProxyJump leads through more than ${MOST_HOPS} hosts, or in a circle`,
      {
        hint: `ssh -G ${name} | grep -i proxyjump`,
      },
    );
  }
  const last = await askSsh(name, overrides, world);
  const before: Hop[] = [];
  for (const [index, jump] of last.settings.jumps.entries()) {
    const { host, ...own } = parseJump(jump);
    // As ssh does: what a jump host itself goes through counts for the first one alone.
    if (index === 0) before.push(...(await routeOf(host, own, world, depth + 1)));
    else before.push(await askSsh(host, own, world));
  }
  return [...before, last];
};

/**
 * The way to a host, itself last: what `hosts:` of the configuration says of it, over what OpenSSH's own says.
 * @throws DeployError 'usage', 'remote-unreachable'; the signal's reason
 */
export const findRoute = async (name: string, host: RemoteHost | null, world: RouteWorld): Promise<readonly Hop[]> => {
  assertHost(name);
  return routeOf(name, host ?? {}, world, 1);
};
