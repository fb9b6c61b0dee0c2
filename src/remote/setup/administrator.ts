import type { Readable } from 'node:stream';
import { DeployError } from '../../errors.ts';
import { lastLine } from '../../system/command.ts';
import type { Answer, Host } from '../host.ts';

/** Somebody who may do anything on the host that is being prepared. */
export interface Administrator {
  /** Who logs in. */
  readonly user: string;
  /**
   * Runs a script of sh(1) there as root, with these arguments and this on its standard input. The script is a constant: what differs is
   * an argument, quoted, or input.
   * @throws DeployError 'remote-unreachable'; the signal's reason
   */
  run(script: string, args?: readonly string[], input?: Readable): Promise<Answer>;
}

/** A login's own files may print something too: what comes before this line is theirs. */
const BEGINS = 'kaleem-deploy-setup begins';

/** What every script begins with: programs where they are, messages that can be read, nothing that others can write. */
const PRELUDE = `
echo '${BEGINS}'
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
umask 022
`;

const WHO = `
printf 'kaleem-deploy-user %s %s\\n' "$(id -u)" "$(id -un)"
[ "$(id -u)" = 0 ] || sudo -n true || exit 9
`;

const words = (script: string, args: readonly string[]): readonly string[] => [
  ...['sh', '-c', `${PRELUDE}${script}`, 'kaleem-deploy-setup'],
  ...args,
];

/** What the script itself has printed; of one that never began, whatever was said instead is a complaint. */
const itsOwn = ({ exitCode, stdout, stderr }: Answer): Answer => {
  const [before = '', ...own] = stdout.split(`${BEGINS}\n`);
  if (own.length === 0) return { exitCode, stdout: '', stderr: stderr.trim() === '' ? before : stderr };
  return { exitCode, stdout: own.join(''), stderr };
};

/** The hint of whatever was cut short: no step begins what an earlier run has finished. */
export const AGAIN = 'the same command again goes on from there';

/** Connects, and finds out how to be root there. Throws 'unsupported' for who can't be, and what connecting throws. */
export const openAdministrator = async (host: Host): Promise<Administrator> => {
  const ask = async (argv: readonly string[], input?: Readable): Promise<Answer> => {
    const answer = await host.askProgram(argv, input);
    if (answer !== null) return itsOwn(answer);
    throw new DeployError('remote-unreachable', `the connection to ${host.name} was lost`, { hint: AGAIN });
  };
  await host.connect();
  const who = await ask(words(WHO, []));
  const { uid, user } = /^kaleem-deploy-user (?<uid>\d+) (?<user>\S+)$/m.exec(who.stdout)?.groups ?? {};
  if (uid === undefined || user === undefined) {
    throw new DeployError('unsupported', `${host.name} does not run commands for this login: ${lastLine(who)}`, {
      hint: `setup needs an administrator: kaleem-deploy setup --host root@${host.name.slice(host.name.lastIndexOf('@') + 1)}`,
    });
  }
  if (uid !== '0' && who.exitCode !== 0) {
    throw new DeployError(
      'unsupported',
      `${user} is not root on ${host.name}, and sudo wants a password: ${lastLine(who)}`,
      {
        hint: `log in as root (--host root@...), or allow it there: echo '${user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/${user.replaceAll('.', '-')}`,
      },
    );
  }
  const before = uid === '0' ? [] : ['sudo', '-n', '--'];
  return { user, run: (script, args = [], input) => ask([...before, ...words(script, args)], input) };
};
