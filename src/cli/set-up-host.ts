import type { RemoteHost } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import type { SetupResult, SetupWatcher, StepReport } from '../remote/setup/set-up.ts';
import { bareName, openThere, type There } from './open-host.ts';
import { painter } from './render/paint.ts';
import { beginLine, setupLines, stepLine } from './render/setup.ts';
import type { Session } from './session.ts';

/** What was typed, and found to be right. */
export interface SetupTyped {
  readonly host: string;
  readonly account: string;
  readonly directory: string | null;
  /** File of a public key. */
  readonly key: string | null;
  readonly downgrade: boolean;
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

/** The job of `setup`: prepares the host, tries the new key, and says what is left to do. */
export const setUpHost = async (session: Session, typed: SetupTyped): Promise<undefined> => {
  const { io, options, signal } = session;
  const { account, downgrade } = typed;
  const [{ setUp }, { AGAIN, openAdministrator }, { packThisTool }, { openLocalKey }] = await Promise.all([
    import('../remote/setup/set-up.ts'),
    import('../remote/setup/administrator.ts'),
    import('../remote/setup/pack.ts'),
    import('../remote/setup/local-key.ts'),
  ]);
  const there = await openThere(session, typed.host, asAdministrator(account));
  const { host, world, settings, application } = there;
  const key = await openLocalKey(typed.key, bareName(typed.host), {
    ...{ commands: world.commands, environment: io.env, signal, home: io.env.HOME ?? world.home },
  });
  const tool = await packThisTool();
  const spareNode = {
    ...{ path: process.execPath, version: process.version },
    ...{ platform: process.platform, architecture: process.arch },
  };
  const watcher = watcherOf(session);
  try {
    const result = await setUp(
      await openAdministrator(host),
      {
        ...{ tool, key, account, downgrade, spareNode, host: host.name, dryRun: options.dryRun },
        directory: typed.directory ?? settings?.directory ?? null,
        defaultDirectory: `/srv/${application}`,
      },
      watcher,
    );
    const identity = await key.identity();
    const login = options.dryRun || identity === null ? null : await tryKey(there, account, identity, tool.version);
    if (login !== null) watcher.ended(login);
    const steps = [...result.steps, ...(login === null ? [] : [login])];
    show(session, there, { ...result, steps }, account, identity);
    return undefined;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    throw new DeployError('interrupted', 'setup was interrupted: what is done so far stays', {
      hint: AGAIN,
      cause: error,
    });
  } finally {
    host.close();
  }
};
