import { resolve } from 'node:path';
import type { RemoteHost } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import type { SetupResult, SetupWatcher, StepReport } from '../remote/setup/set-up.ts';
import { bareName, openThere, type There } from './open-host.ts';
import { painter } from './render/paint.ts';
import { beginLine, setupLines, stepLine } from './render/setup.ts';
import type { Session } from './session.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Given {
  readonly account: string;
  readonly directory?: string;
  readonly key?: string;
  readonly downgrade?: boolean;
}

interface Identity {
  readonly path: string;
  readonly shown: string;
}

/** The deploy key opens no shell: whoever prepares the host logs in as `ssh HOST` would. */
const asAdministrator =
  (account: string) =>
  (settings: RemoteHost): RemoteHost =>
    settings.user === account ? { ...settings, user: null, identityFile: null } : settings;

const watcherOf = ({ io, output, options }: Session): SetupWatcher => {
  const isShown = !options.quiet && !options.json && !options.dryRun;
  const paint = painter(io.stderr, io.env);
  const say = (line: string): void => {
    if (isShown) output.say([line]);
  };
  return { begun: (name, would) => say(beginLine(name, would)), ended: (report) => say(stepLine(report, paint)) };
};

/** The end of it all: the new key gets an answer from the new program. */
const tryKey = async (
  { another, settings }: There,
  account: string,
  { path: identityFile, shown }: Identity,
  version: string,
): Promise<StepReport> => {
  const { versionIn } = await import('../remote/versions.ts');
  const place = { address: settings?.address ?? null, port: settings?.port ?? null };
  const host = another({ ...place, user: account, identityFile, directory: null, program: ['kaleem-deploy'] });
  try {
    const answer = await host.ask(['version', '--json']);
    const there = answer?.exitCode === 0 ? versionIn(answer.stdout) : null;
    if (there === version) return { name: 'login', outcome: 'ok', detail: `${account} by ${shown}: ${there}` };
    const said = answer === null ? 'the connection was lost' : `${answer.stderr}${answer.stdout}`.trim();
    throw new DeployError('setup-failed', `the new key does not reach kaleem-deploy ${version} on ${host.name}`, {
      details: said.split('\n').slice(-12),
      hint: `look there: journalctl -u ssh -n 20; sudo -l -U ${account}`,
    });
  } finally {
    host.close();
  }
};

const setup = async (session: Session, given: Given): Promise<undefined> => {
  const { io, options, signal } = session;
  const name = options.host;
  if (name === null) {
    throw new DeployError('usage', 'setup prepares another host: which one?', {
      hint: 'kaleem-deploy setup --host root@server.example.com',
    });
  }
  if (options.config !== null) {
    throw new DeployError('usage', 'setup takes no --config: it reads `hosts:` of the folder it is typed in', {
      hint: 'cd to the folder of kaleem-deploy.yml, or name everything: --host, --directory',
    });
  }
  const [{ setUp }, { openAdministrator }, { packThisTool }, { openLocalKey }, { isAccountName }] = await Promise.all([
    import('../remote/setup/set-up.ts'),
    import('../remote/setup/administrator.ts'),
    import('../remote/setup/pack.ts'),
    import('../remote/setup/local-key.ts'),
    import('../remote/setup/account.ts'),
  ]);
  const { account } = given;
  if (!isAccountName(account)) {
    throw new DeployError('usage', `'${account}' is not the name of an account`, {
      hint: 'small letters, digits, _ and -; at most 32 characters; not root',
    });
  }
  const there = await openThere(session, name, asAdministrator(account));
  const { host, world, settings, application } = there;
  const home = io.env.HOME ?? world.home;
  const key = await openLocalKey(given.key === undefined ? null : resolve(io.cwd, given.key), bareName(name), {
    ...{ commands: world.commands, environment: io.env, signal, home },
  });
  const tool = await packThisTool();
  const watcher = watcherOf(session);
  try {
    const result = await setUp(
      await openAdministrator(host),
      {
        ...{ tool, key, account, host: host.name, dryRun: options.dryRun, downgrade: given.downgrade ?? false },
        directory: given.directory ?? settings?.directory ?? null,
        defaultDirectory: `/srv/${application}`,
        spareNode: {
          ...{ path: process.execPath, version: process.version },
          ...{ platform: process.platform, architecture: process.arch },
        },
      },
      watcher,
    );
    const identity = await key.identity();
    const login = options.dryRun || identity === null ? null : await tryKey(there, account, identity, tool.version);
    if (login !== null) watcher.ended(login);
    show(
      session,
      there,
      { ...result, steps: [...result.steps, ...(login === null ? [] : [login])] },
      account,
      identity,
    );
    return undefined;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    throw new DeployError('interrupted', 'setup was interrupted: what is done so far stays', {
      hint: 'the same command again goes on from there',
      cause: error,
    });
  } finally {
    host.close();
  }
};

const show = (
  session: Session,
  { settings, host }: There,
  { directory, steps, missing }: SetupResult,
  account: string,
  identity: Identity | null,
): void => {
  const { address, port } = settings ?? { address: null, port: null };
  const name = bareName(host.name);
  const entry = {
    ...(address === null ? {} : { address }),
    ...(port === null ? {} : { port }),
    ...{ user: account, ...(identity === null ? {} : { identity_file: identity.shown }) },
  };
  const changed = steps.some(({ outcome }) => outcome !== 'ok');
  const report = { host: name, account, directory, changed, dryRun: session.options.dryRun, steps, missing };
  session.show({ ...report, hosts: { [name]: entry } }, ({ paint }) =>
    setupLines({ ...report, entry: settings?.user === account ? null : entry }, paint),
  );
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
