import { resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import type { Session } from './session.ts';
import type { SetupTyped } from './set-up-host.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Given {
  readonly account: string;
  readonly directory?: string;
  readonly key?: string;
  readonly downgrade?: boolean;
}

const wrong = (message: string, hint: string): never => {
  throw new DeployError('usage', message, { hint });
};

const typedFor = async ({ options, io }: Session, given: Given): Promise<SetupTyped> => {
  const { host } = options;
  if (host === null) {
    return wrong('setup prepares another host: which one?', 'kaleem-deploy setup --host root@server.example.com');
  }
  if (options.config !== null) {
    wrong(
      'setup takes no --config: it reads `hosts:` of the folder it is typed in',
      'cd to the folder of kaleem-deploy.yml, or name everything: --host, --directory',
    );
  }
  const [{ isAccountName }, { isProjectFolder }] = await Promise.all([
    import('../remote/setup/account.ts'),
    import('../remote/setup/folder.ts'),
  ]);
  const { account, directory = null, key, downgrade = false } = given;
  if (!isAccountName(account)) {
    wrong(`'${account}' is not the name of an account`, 'small letters, digits, _ and -; at most 32; not root');
  }
  if (directory !== null && !isProjectFolder(directory)) {
    wrong(`'${directory}' is no folder for a project`, 'an absolute path without a slash at its end: /srv/shop');
  }
  return { host, account, directory, key: key === undefined ? null : resolve(io.cwd, key), downgrade };
};

const setup = async (session: Session, given: Given): Promise<undefined> => {
  const typed = await typedFor(session, given);
  return (await import('./set-up-host.ts')).setUpHost(session, typed);
};

export const defineSetup: DefineVerb = (program, schedule) => {
  const command = program
    .command('setup')
    .description('prepare a Debian or Ubuntu server over SSH: Docker, Node, this tool, an account and a key to deploy')
    .option('--account <name>', 'who deploys there', 'kaleem-deploy')
    .option('--directory <path>', "the project's folder there (default: as the host has it, else /srv/APP)")
    .option('--key <file.pub>', 'the public key that may deploy (default: one made for this host, in ~/.ssh)')
    .option('--downgrade', 'replace a newer kaleem-deploy by this older one')
    .addHelpText(
      'after',
      examples([
        ['setup --host root@203.0.113.7 --dry-run', 'what it would do'],
        ['setup --host prod', 'as `ssh prod` logs in: as root, or with sudo'],
      ]),
    );
  command.action((given: Given) =>
    schedule({
      ...{ command, interruption: 'ends', job: (session) => setup(session, given) },
      elsewhere: { type: 'drives' },
    }),
  );
};
