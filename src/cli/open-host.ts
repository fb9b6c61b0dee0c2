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

/** What the configuration says of `name`, or of `prod` where it is `somebody@prod`. */
const hostIn = (hosts: Readonly<Record<string, RemoteHost>>, name: string): RemoteHost | null => {
  const at = name.lastIndexOf('@');
  const known = new Map(Object.entries(hosts)).get(name.slice(at + 1));
  if (known === undefined) return null;
  return at === -1 ? known : { ...known, user: name.slice(0, at) };
};

export interface There {
  readonly host: Host;
  readonly world: RemoteWorld;
}

/** The host of `--host`; nothing is connected to yet. */
export const openThere = async (session: Session, name: string): Promise<There> => {
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
  return { host: remote.openHost(name, hostIn(hosts, name), world), world };
};
