import { failpoint } from '#failpoint';
import type { PublishedPort } from '../../compose/rendered.ts';
import { DeployError } from '../../errors.ts';
import { type CommandRunner, lastLine } from '../../system/command.ts';
import { withFailpoints } from '../../system/failpoints/around.ts';
import { sideBySide } from '../../system/side-by-side.ts';
import { cutRules, type Family, fencingOperations, type RuleOwner, redirectRules, removalRules } from './rules.ts';

const TIMEOUT_MS = 15_000;

/** The programs that reach the tables Docker's own rules are in. */
interface Tables {
  readonly family: Family;
  readonly save: string;
  readonly restore: string;
}

/** The host's packet filter, as far as the fence needs it. */
export interface Firewall {
  /** Turns new connections to `ports` over to the responder. All or nothing per table. */
  redirect(owner: RuleOwner, ports: readonly PublishedPort[], responderPort: number): Promise<void>;
  /** Resets the connections to `ports` that were open before. */
  cut(owner: RuleOwner, ports: readonly PublishedPort[]): Promise<void>;
  /** Operations whose rules stand, for a project. */
  operations(project: string): Promise<ReadonlySet<string>>;
  /** Removes an operation's rules, or (null) every rule of the project's. Removing what is not there is not an error. */
  remove(project: string, operation: string | null): Promise<void>;
}

const candidates: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['iptables', 'iptables-legacy', 'iptables-nft'],
  ipv6: ['ip6tables', 'ip6tables-legacy', 'ip6tables-nft'],
};

/**
 * A host may have both the nft and the legacy tables; what counts are those Docker writes to. Null where the nat table
 * is out of reach: no program, no rights (rootless), no kernel support.
 */
const findTables = async (commands: CommandRunner, family: Family): Promise<Tables | null> => {
  let fallback: Tables | null = null;
  for (const program of candidates[family]) {
    const saved = await commands.run([`${program}-save`, '-t', 'nat'], { timeoutMs: TIMEOUT_MS });
    if (saved.exitCode !== 0) continue;
    const tables = { family, save: `${program}-save`, restore: `${program}-restore` };
    if (/^:DOCKER /m.test(saved.stdout)) return tables;
    fallback ??= tables;
  }
  return fallback;
};

/** Finds out whether this process may change the firewall; null when it may not, and then there is no fence but stopped services. */
export const openFirewall = async (commands: CommandRunner): Promise<Firewall | null> => {
  const [ipv4, ipv6] = await Promise.all([findTables(commands, 'ipv4'), findTables(commands, 'ipv6')]);
  if (ipv4 === null) return null;
  const families = ipv6 === null ? [ipv4] : [ipv4, ipv6];

  /** Side by side. Both have ended when this does: what is removed after a failure must not appear afterwards. */
  const inEach = async (work: (tables: Tables) => Promise<void>): Promise<void> => {
    await sideBySide(families.map(work));
  };

  const restore = async (tables: Tables, document: string): Promise<void> => {
    if (document === '') return;
    await failpoint('firewall.restore.before');
    const result = await commands.run([tables.restore, '--noflush', '-w', '10'], {
      input: document,
      timeoutMs: TIMEOUT_MS,
    });
    if (result.exitCode !== 0) {
      throw new DeployError(
        'unsupported',
        `${tables.restore} refused the rules of the fence: ${result.stderr.trim().split('\n')[0]}`,
        {
          hint: 'set `fence: {mode: stop}` in kaleem-deploy.yml to stop the services instead of fencing them',
        },
      );
    }
    await failpoint('firewall.restore.after');
  };
  const save = async (tables: Tables): Promise<string> => {
    const saved = await commands.run([tables.save], { timeoutMs: TIMEOUT_MS });
    if (saved.exitCode !== 0) throw new DeployError('unsupported', `${tables.save} failed: ${lastLine(saved)}`);
    return saved.stdout;
  };
  const firewall: Firewall = {
    async redirect(owner, ports, responderPort) {
      await inEach((tables) => restore(tables, redirectRules(ports, tables.family, owner, responderPort)));
    },
    async cut(owner, ports) {
      await inEach((tables) => restore(tables, cutRules(ports, tables.family, owner)));
    },
    async operations(project) {
      const saved = await Promise.all(families.map(save));
      return new Set(saved.flatMap((rules) => [...fencingOperations(rules, project)]));
    },
    async remove(project, operation) {
      await inEach(async (tables) => restore(tables, removalRules(await save(tables), project, operation)));
    },
  };
  return withFailpoints('firewall', firewall, ['redirect', 'cut', 'remove']);
};
