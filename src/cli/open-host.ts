import type { RemoteHost } from '../config/config.ts';
import type { Host, openHost } from '../remote/host.ts';
import type { RemoteWorld, Terminal } from '../remote/world.ts';
import { askYes, canAsk } from './confirm.ts';
import { askSecret } from './secret-prompt.ts';
import type { Session } from './session.ts';

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

/** The name in the configuration, of `somebody@prod` too. */
export const bareName = (name: string): string => name.slice(name.lastIndexOf('@') + 1);

/** Who logs in by what was typed: `somebody@prod` is another one than the configuration says. */
const withUser = (known: RemoteHost | null, name: string): RemoteHost | null => {
  const at = name.lastIndexOf('@');
  return known === null || at === -1 ? known : { ...known, user: name.slice(0, at) };
};

export interface There {
  readonly host: Host;
  readonly world: RemoteWorld;
  /** What the configuration says of it; null: nothing. */
  readonly settings: RemoteHost | null;
  /** What the application here is called. */
  readonly application: string;
  /** The same host, by another login. */
  another(settings: RemoteHost): Host;
}

/** The host of `--host`; nothing is connected to yet. `login`: who is to log in, where it is not whom the configuration names. */
export const openThere = async (
  session: Session,
  name: string,
  login: (settings: RemoteHost) => RemoteHost = (settings) => settings,
): Promise<There> => {
  const { io, options, clock, signal, output } = session;
  const [{ loadHosts }, { systemCommands }, { userInfo }, remote] = await Promise.all([
    import('../config/hosts.ts'),
    import('../system/command.ts'),
    import('node:os'),
    import('../remote/host.ts') as Promise<{ readonly openHost: typeof openHost }>,
  ]);
  const where = { cwd: io.cwd, environment: io.env, destination: options.destination };
  const { hosts, application } = await loadHosts(where);
  const settings = new Map(Object.entries(hosts)).get(bareName(name)) ?? null;
  const world: RemoteWorld = {
    ...{ commands: systemCommands, clock, signal, environment: io.env, home: userInfo().homedir },
    terminal: terminalOf(session),
    say: (line) => {
      if (!options.quiet) output.say([line]);
    },
  };
  const own = withUser(settings === null ? null : login(settings), name);
  return {
    ...{ host: remote.openHost(name, own, world), world, settings, application },
    another: (given) => remote.openHost(bareName(name), given, world),
  };
};
