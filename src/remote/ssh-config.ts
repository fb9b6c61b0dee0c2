import { userInfo } from 'node:os';
import { fromHome } from '../config/home.ts';

/** What OpenSSH's own configuration says of a host. */
export interface SshSettings {
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Absolute, in the order they are tried; not all of them need be there. */
  readonly identityFiles: readonly string[];
  readonly onlyIdentityFiles: boolean;
  /** The agent's socket; null: none. */
  readonly agent: string | null;
  /** Hosts to go through, as they are written, the first one first. */
  readonly jumps: readonly string[];
  /** Files of known hosts; new ones go into the first of the user's. */
  readonly userKnownHosts: readonly string[];
  readonly globalKnownHosts: readonly string[];
  readonly hostKeyAlias: string | null;
  readonly hashKnownHosts: boolean;
  /** False: a host that is not known is refused, whoever could be asked. */
  readonly asksForUnknown: boolean;
  readonly connectMs: number | null;
  readonly keepaliveMs: number | null;
  /** What is set and not understood here, and would make a difference. */
  readonly unsupported: readonly string[];
}

export interface SshContext {
  /** As it was typed. */
  readonly name: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A program, or a list of revoked keys: going on without either would not be what was asked for. */
const UNSUPPORTED = ['proxycommand', 'revokedhostkeys'];

const isSet = (value: string | undefined): value is string =>
  value !== undefined && value !== '' && value.toLowerCase() !== 'none';

const isYes = (value: string | undefined): boolean => value === 'yes' || value === 'true';

const milliseconds = (value: string | undefined): number | null => {
  const seconds = Number(value);
  return isSet(value) && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
};

/** `SSH_AUTH_SOCK`, `$NAME`, a path, or not set at all, which is the first of these (ssh_config(5), IdentityAgent). */
const agentSocket = (value: string | undefined, environment: SshContext['environment']): string | null => {
  if (value?.toLowerCase() === 'none') return null;
  if (value === undefined || value === 'SSH_AUTH_SOCK') return environment.SSH_AUTH_SOCK || null;
  return value.startsWith('$') ? environment[value.slice(1).replace(/^\{(.*)\}$/, '$1')] || null : value;
};

/** Reads what `ssh -G` prints: a keyword in small letters and its value on each line. */
export const parseSshConfig = (text: string, { name, home, environment }: SshContext): SshSettings => {
  const all = text.split('\n').flatMap((line) => {
    const [, key, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key: key.toLowerCase(), value: value.trim() }];
  });
  const one = (key: string): string | undefined => all.find((each) => each.key === key)?.value;
  const hostName = one('hostname') ?? name;
  const port = Number(one('port') ?? 22);
  const user = one('user') ?? userInfo().username;

  /** ssh_config(5), TOKENS: those that make sense in a file's name. */
  const tokens: Readonly<Record<string, string>> = {
    ...{ '%%': '%', '%d': home, '%h': hostName, '%n': name, '%p': String(port), '%r': user },
    ...{ '%u': userInfo().username, '%i': String(userInfo().uid) },
  };
  const path = (given: string): string =>
    fromHome(given, home).replace(/%[a-zA-Z%]/g, (token) => tokens[token] ?? token);
  const paths = (key: string): readonly string[] => {
    const value = one(key);
    return isSet(value) ? value.split(/\s+/).map(path) : [];
  };
  const agent = agentSocket(one('identityagent'), environment);
  const jumps = one('proxyjump');
  return {
    ...{ hostName, port, user, agent: agent === null ? null : path(agent) },
    identityFiles: all
      .filter(({ key, value }) => key === 'identityfile' && isSet(value))
      .map(({ value }) => path(value)),
    onlyIdentityFiles: isYes(one('identitiesonly')),
    jumps: isSet(jumps) ? jumps.split(',') : [],
    userKnownHosts: paths('userknownhostsfile'),
    globalKnownHosts: paths('globalknownhostsfile'),
    hostKeyAlias: one('hostkeyalias') || null,
    hashKnownHosts: isYes(one('hashknownhosts')),
    asksForUnknown: !isYes(one('stricthostkeychecking')),
    connectMs: milliseconds(one('connecttimeout')),
    keepaliveMs: milliseconds(one('serveraliveinterval')),
    unsupported: UNSUPPORTED.filter((key) => isSet(one(key))),
  };
};
