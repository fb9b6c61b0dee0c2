import { StringDecoder } from 'node:string_decoder';
import type { Plan } from '../deploy/results.ts';
import { DeployError } from '../errors.ts';
import type { Newest } from '../remote/follow.ts';
import type { Host, openHost } from '../remote/host.ts';
import type { RemoteWorld, Terminal } from '../remote/world.ts';
import { VERSION } from '../version-number.ts';
import { ask, askYes, canAsk } from './confirm.ts';
import type { ErrorReport } from './render/error.ts';
import { painter } from './render/paint.ts';
import { warningLine } from './render/steps.ts';
import { askSecret } from './secret-prompt.ts';
import type { Session } from './session.ts';
import { showError } from './show-error.ts';
import { stripHost } from './strip-host.ts';
import type { Job, Scheduled } from './verb.ts';

/** Somebody at this terminal; null: nobody can be asked. */
const terminalOf = ({ io, output, signal }: Session): Terminal | null =>
  canAsk(io)
    ? {
        async confirm(lines, question) {
          output.say(lines);
          return askYes(io, output, signal, question);
        },
        passphrase: (path, again) =>
          askSecret(io, output, signal, again ? `that is not it; passphrase of ${path}: ` : `passphrase of ${path}: `),
      }
    : null;

const openThere = async (
  session: Session,
  name: string,
): Promise<{ readonly host: Host; readonly world: RemoteWorld }> => {
  const { io, options, clock, signal, output } = session;
  const [{ loadHosts }, { systemCommands }, { userInfo }, remote] = await Promise.all([
    import('../config/hosts.ts'),
    import('../system/command.ts'),
    import('node:os'),
    import('../remote/host.ts') as Promise<{ readonly openHost: typeof openHost }>,
  ]);
  const hosts = await loadHosts({ cwd: io.cwd, environment: io.env, destination: options.destination });
  const world: RemoteWorld = {
    ...{ commands: systemCommands, clock, signal, environment: io.env, home: userInfo().homedir },
    terminal: terminalOf(session),
    say: (line) => {
      if (!options.quiet) output.say([line]);
    },
  };
  const known = Object.hasOwn(hosts, name) ? hosts[name] : undefined;
  return { host: remote.openHost(name, known ?? null, world), world };
};

const lastLineOf = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** Tells when another version is there; refuses to change something by one that nobody has tried together with this one. */
const checkVersion = async (host: Host, changes: boolean, warn: (line: string) => void): Promise<void> => {
  const { distance, versionIn } = await import('../remote/versions.ts');
  const answer = await host.ask(['version', '--json']);
  const there = answer?.exitCode === 0 ? versionIn(answer.stdout) : null;
  if (there === null) {
    const said = answer === null ? 'the connection was lost' : lastLineOf(answer.stderr || answer.stdout);
    throw new DeployError('remote-unreachable', `${host.name} does not say which kaleem-deploy it has: ${said}`, {
      hint: `ssh ${host.name} kaleem-deploy version; hosts: in kaleem-deploy.yml has its folder and its program`,
    });
  }
  const far = distance(VERSION, there);
  if (far === 'same') return;
  const both = `${host.name} has kaleem-deploy ${there}, and this is ${VERSION}`;
  if (far === 'near' || !changes) return warn(both);
  throw new DeployError('unsupported', `${both}: they have not been tried together`, {
    hint: 'install the same version on both',
  });
};

/** The options that say which project is meant, and how it is shown, for commands that are run beside the one that was typed. */
const scopeOf = ({ config, destination }: Session['options']): readonly string[] => [
  ...(config === null ? [] : ['--config', config]),
  ...(destination === null ? [] : ['--destination', destination]),
];
const lookOf = ({ json, quiet, verbose }: Session['options']): readonly string[] => [
  ...(json ? ['--json'] : []),
  ...(quiet ? ['--quiet'] : []),
  ...(verbose ? ['--verbose'] : []),
];

/** Asks here what would be asked there. Resolves to an exit code when there is nothing left to do. */
const confirmThere = async (
  session: Session,
  host: Host,
  argv: readonly string[],
  what: string,
): Promise<number | null> => {
  const answer = await host.ask(['--json', '--dry-run', ...argv]);
  const said: unknown = answer === null ? null : JSON.parse(answer.stdout || 'null');
  if (answer === null || said === null) {
    throw new DeployError('remote-unreachable', `${host.name} did not say what ${what} would do`, {
      hint: `kaleem-deploy --host ${host.name} ${argv.join(' ')} --dry-run`,
    });
  }
  if (answer.exitCode !== 0) {
    const { error } = said as { readonly error: ErrorReport };
    return showError(session, { report: error, exitCode: answer.exitCode, causes: [] });
  }
  const { destroys } = said as Plan;
  if (destroys.length > 0)
    await ask(session.io, session.output, session.signal, { what: `${what} on ${host.name}`, destroys });
  return null;
};

/** Runs what only looks. Ctrl-C ends it, there too. */
const look = async (session: Session, host: Host, argv: readonly string[]): Promise<number> => {
  const { output, signal } = session;
  const [stdout, stderr] = [new StringDecoder('utf8'), new StringDecoder('utf8')];
  const sinks = {
    stdout: (chunk: Buffer) => output.part(stdout.write(chunk)),
    stderr: (chunk: Buffer) => output.raw(stderr.write(chunk)),
  };
  const ended = await host.run(argv, sinks, signal);
  signal.throwIfAborted();
  if (ended.how === 'exited') return ended.exitCode;
  const what =
    ended.how === 'lost' ? `the connection to ${host.name} was lost` : `it was ended by ${ended.signal} there`;
  throw new DeployError('remote-unreachable', what, { hint: 'type it again' });
};

/** Runs what goes on by itself there. Ctrl-C aborts it where it was begun from here; a second one only stops following. */
const follow = async (
  session: Session,
  { host, world }: Awaited<ReturnType<typeof openThere>>,
  argv: readonly string[],
  newest: Newest | null,
): Promise<number> => {
  const { options, output } = session;
  const { followThere } = await import('../remote/follow.ts');
  const isOurs = newest !== null;
  const hint = `kaleem-deploy --host ${host.name} attach follows it again`;
  let abort = (): void => {};
  let asked = !isOurs;
  const stopped = new Promise<never>((_, reject) =>
    session.onInterrupt((by) => {
      const aborts = by === 'Ctrl-C' && !asked;
      if (!aborts)
        return reject(
          new DeployError('interrupted', `no longer following: it goes on by itself on ${host.name}`, { hint }),
        );
      asked = true;
      output.say([`${host.name} is asked to abort; Ctrl-C again stops following`]);
      abort();
    }),
  );
  const following = {
    stdout: output.part,
    stderr: output.raw,
    onAbort: (act: () => void) => {
      abort = act;
    },
  };
  const followed = {
    ...{ argv, scope: scopeOf(options), look: lookOf(options) },
    before: newest === null ? null : { newest },
  };
  try {
    return await Promise.race([followThere(host, followed, following, world), stopped]);
  } finally {
    session.onInterrupt(null);
  }
};

/** The job of a verb that is to run on another host: the same program there does it. */
export const elsewhere =
  (typed: readonly string[], scheduled: Scheduled, name: string): Job =>
  async (session) => {
    const { options, io, output } = session;
    const { confirm = null, elsewhere: how, interruption } = scheduled;
    if (how?.type === 'here-only') throw new DeployError('usage', `not with --host: ${how.why}`, { hint: how.hint });
    const argv = stripHost(typed, scheduled);
    const asks = confirm !== null && !options.yes && !options.dryRun;
    if (asks) session.assertConfirmable(confirm);
    const changes = interruption !== 'reads' && !options.dryRun;
    const there = await openThere(session, name);
    const { host } = there;
    try {
      await host.connect();
      const { newestOperation } = await import('../remote/follow.ts');
      const warn = (line: string): void => output.say([warningLine(line, painter(io.stderr, io.env))]);
      const [newest] = await Promise.all([
        changes ? newestOperation(host, scopeOf(options)) : null,
        checkVersion(host, changes, warn),
      ]);
      const exitCode = asks ? await confirmThere(session, host, argv, confirm) : null;
      if (exitCode !== null) return exitCode;
      // Nothing has been begun so far: what stops now leaves everything as it was.
      session.signal.throwIfAborted();
      const words = asks ? ['--yes', ...argv] : argv;
      if (changes || how?.type === 'follows') return await follow(session, there, words, newest);
      return await look(session, host, words);
    } finally {
      host.close();
    }
  };
