import type { PublishedPort } from '../../compose/rendered.ts';

/** The two IP families have separate tables and separate programs. */
export type Family = 'ipv4' | 'ipv6';

/** Whose rules they are. Two projects of one host have the same firewall, and must not lift each other's fence. */
export interface RuleOwner {
  readonly project: string;
  readonly operation: string;
}

/** Every rule of ours carries the project and the id of the operation, so that it can be found again and removed. */
const projectComment = (project: string): string => `kaleem-deploy:${project}/`;
export const ruleComment = ({ project, operation }: RuleOwner): string => `${projectComment(project)}${operation}`;

/** Addresses that stand for "every address of the host". */
const WILDCARDS = new Set(['', '0.0.0.0', '::', '*']);

const familyOf = (hostIp: string): Family => (hostIp.includes(':') ? 'ipv6' : 'ipv4');

/** The `-d ADDRESS` of a port published on one address only; null when the port does not exist in this family. */
const destination = (port: PublishedPort, family: Family): readonly string[] | null => {
  const hostIp = port.hostIp ?? '';
  if (WILDCARDS.has(hostIp)) return [];
  return familyOf(hostIp) === family ? ['-d', hostIp] : null;
};

const forEachPort = (
  ports: readonly PublishedPort[],
  family: Family,
  rules: (port: PublishedPort, to: readonly string[]) => readonly (readonly string[])[],
): readonly (readonly string[])[] =>
  ports.flatMap((port) => {
    const to = destination(port, family);
    return to === null ? [] : rules(port, to);
  });

/** One document for `iptables-restore --noflush`: each table's rules are applied atomically. */
const restoreDocument = (tables: Readonly<Record<string, readonly (readonly string[])[]>>): string =>
  Object.entries(tables)
    .filter(([, rules]) => rules.length > 0)
    .map(([table, rules]) => `*${table}\n${rules.map((rule) => rule.join(' ')).join('\n')}\nCOMMIT\n`)
    .join('');

/**
 * The rules that turn new connections to the published TCP ports over to the responder, from other hosts, other
 * containers and the loopback alike. They stand before Docker's own. UDP (HTTP/3) has no 503: it is rejected.
 */
export const redirectRules = (
  ports: readonly PublishedPort[],
  family: Family,
  owner: RuleOwner,
  responderPort: number,
): string => {
  const comment = ['-m', 'comment', '--comment', ruleComment(owner)];
  const tcp = ports.filter((port) => port.protocol === 'tcp');
  const udp = ports.filter((port) => port.protocol === 'udp');
  const redirect = forEachPort(tcp, family, (port, to) =>
    ['PREROUTING', 'OUTPUT'].map((chain) => [
      ...['-I', chain, '1', '-p', 'tcp', ...to, '--dport', String(port.published)],
      ...['-m', 'addrtype', '--dst-type', 'LOCAL', ...comment, '-j', 'REDIRECT', '--to-ports', String(responderPort)],
    ]),
  );
  // A host firewall that admits 80 and 443 alone would drop what the redirect turned over.
  const admit =
    redirect.length === 0
      ? []
      : [
          [
            ...['-I', 'INPUT', '1', '-p', 'tcp', '--dport', String(responderPort)],
            ...['-m', 'conntrack', '--ctstate', 'DNAT', ...comment, '-j', 'ACCEPT'],
          ],
        ];
  const unreachable = [
    '-j',
    'REJECT',
    '--reject-with',
    family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable',
  ];
  const reject = forEachPort(udp, family, (port, to) => [
    ['-I', 'INPUT', '1', '-p', 'udp', ...to, '--dport', String(port.published), ...comment, ...unreachable],
    ...['FORWARD', 'OUTPUT'].map((chain) => [
      ...['-I', chain, '1', '-p', 'udp', '-m', 'conntrack', '--ctstate', 'DNAT', '--ctdir', 'ORIGINAL'],
      ...['--ctorigdstport', String(port.published), ...comment, ...unreachable],
    ]),
  ]);
  return restoreDocument({ nat: redirect, filter: [...admit, ...reject] });
};

/**
 * The rules that reset connections which were open before the redirect: those don't pass the nat table again. DNATed
 * ones are known by their original port; those that Docker's userland proxy carries, by the port itself.
 * `--ctstate DNAT` spares connections of our own to somebody else's port 443.
 */
export const cutRules = (ports: readonly PublishedPort[], family: Family, owner: RuleOwner): string => {
  const comment = ['-m', 'comment', '--comment', ruleComment(owner)];
  const reset = ['-j', 'REJECT', '--reject-with', 'tcp-reset'];
  const tcp = ports.filter((port) => port.protocol === 'tcp');
  const rules = forEachPort(tcp, family, (port, to) => {
    const origin = to.length === 0 ? [] : ['--ctorigdst', to[1] as string];
    const translated = [
      ...['-m', 'conntrack', '--ctstate', 'DNAT', '--ctdir', 'ORIGINAL'],
      ...['--ctorigdstport', String(port.published), ...origin],
    ];
    return [
      ['-I', 'FORWARD', '1', '-p', 'tcp', ...translated, ...comment, ...reset],
      // What goes to a container, and not what a fence has turned over to its responder: that stays on this host.
      [
        ...['-I', 'OUTPUT', '1', '-p', 'tcp', '-m', 'addrtype', '!', '--dst-type', 'LOCAL'],
        ...[...translated, ...comment, ...reset],
      ],
      [
        ...['-I', 'INPUT', '1', '-p', 'tcp', ...to, '--dport', String(port.published)],
        ...['-m', 'conntrack', '--ctdir', 'ORIGINAL', ...comment, ...reset],
      ],
    ];
  });
  return restoreDocument({ filter: rules });
};

/** The operations that have rules of a project's in `iptables-save`. */
export const fencingOperations = (saved: string, project: string): ReadonlySet<string> => {
  const comments = saved.matchAll(/--comment "?([^"\s]+)"?/g);
  const prefix = projectComment(project);
  return new Set(
    [...comments].flatMap(([, text = '']) => (text.startsWith(prefix) ? [text.slice(prefix.length)] : [])),
  );
};

/**
 * What removes an operation's rules, worked out from `iptables-save`: each `-A` line with its comment becomes a `-D`.
 * `operation` null: every rule of this project's. Empty when there is none.
 */
export const removalRules = (saved: string, project: string, operation: string | null): string => {
  const wanted = operation === null ? projectComment(project) : ruleComment({ project, operation });
  const tables: Record<string, (readonly string[])[]> = {};
  let table = '';
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const comment = /--comment "?([^"\s]+)"?/.exec(line)?.[1];
    const ours = comment !== undefined && (operation === null ? comment.startsWith(wanted) : comment === wanted);
    if (!ours || !line.startsWith('-A ')) continue;
    tables[table] = [...(tables[table] ?? []), [`-D ${line.slice(3)}`]];
  }
  return restoreDocument(tables);
};
