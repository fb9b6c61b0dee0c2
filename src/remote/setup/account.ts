import type { Found } from './look.ts';
import { ok, refuse, type Step } from './step.ts';

/** What useradd(8) takes, without capitals. */
const NAME = /^[a-z_][a-z0-9_-]{0,31}$/;

export const isAccountName = (text: string): boolean => NAME.test(text) && text !== 'root';

/** Whoever is in one of these can be root: the gate would hold back a key, and nothing else. */
const POWERFUL = ['root', 'docker', 'sudo', 'wheel', 'admin', 'adm', 'lxd', 'disk', 'shadow'];
const NO_SHELLS = /\/(?:nologin|false)$/;

interface Account {
  readonly uid: string;
  readonly home: string;
  readonly shell: string;
}

/** A line of passwd(5). */
export const accountIn = (found: Found): Account | null => {
  const [, , uid, , , home, shell] = (found.get('passwd') ?? '').trim().split(':');
  return uid === undefined || home === undefined || shell === undefined ? null : { uid, home, shell };
};

const assertHarmless = ({ uid, shell }: Account, found: Found, name: string): void => {
  const groups = (found.get('groups') ?? '').trim().split(/\s+/);
  const powerful = groups.find((group) => POWERFUL.includes(group));
  if (uid === '0') refuse(`the account ${name} is root`, 'name another one: --account');
  if (powerful !== undefined) {
    refuse(
      `the account ${name} is in group ${powerful}, which can do more than deploy`,
      `gpasswd --delete ${name} ${powerful} there, or name another one: --account`,
    );
  }
  if (NO_SHELLS.test(shell)) {
    refuse(
      `the account ${name} has the shell ${shell}, and sshd starts the gate by it`,
      `usermod --shell /bin/sh ${name}`,
    );
  }
};

/** No password, and not a locked one: some servers let no key of a locked account in. */
const CREATE = `
useradd --system --user-group --create-home --home-dir "/var/lib/$1" --shell /bin/sh --password '*' --comment 'kaleem-deploy' -- "$1"
chmod 750 -- "/var/lib/$1"
`;

export const accountStep: Step = {
  name: 'account',
  decide(found, { account }) {
    const there = accountIn(found);
    if (there !== null) {
      assertHarmless(there, found, account);
      return ok(account);
    }
    return {
      is: 'change',
      would: `create the account ${account}, without a password and in no group but its own`,
      async act(site) {
        await site.sh(`creating the account ${account}`, CREATE, [account]);
        return `${account}, with its home in /var/lib/${account}`;
      },
    };
  },
};
