import { connect, createServer, type Server } from 'node:net';
import type { CommandResult, CommandRunner } from '../../src/system/command.ts';

/** The host's packet filter in memory, as far as the fence uses it: a redirected port of the loopback really is one. */
export interface FakeFirewall {
  /** Answers iptables' programs; every other command goes to `others`. */
  commands(others: CommandRunner): CommandRunner;
  /** Rules that stand: `nat -A OUTPUT ...`. */
  rules(): readonly string[];
  close(): Promise<void>;
}

const done = (stdout = ''): CommandResult => ({ exitCode: 0, stdout, stderr: '', timedOut: false });

const listening = (port: number, target: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const on = connect(target, '127.0.0.1');
      for (const each of [socket, on]) each.on('error', () => each.destroy());
      socket.pipe(on).pipe(socket);
    });
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

const closed = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

export const createFakeFirewall = (): FakeFirewall => {
  const tables = new Map<string, string[]>([
    ['nat', []],
    ['filter', []],
  ]);
  const redirected = new Map<string, { readonly server: Server; readonly to: number }>();

  const redirect = async (): Promise<void> => {
    const wanted = new Map<string, number>();
    for (const rule of tables.get('nat') ?? []) {
      const [, port, to] = /^OUTPUT .*--dport (\d+) .*--to-ports (\d+)$/.exec(rule) ?? [];
      // The first rule that fits decides.
      if (port !== undefined && !wanted.has(port)) wanted.set(port, Number(to));
    }
    for (const [port, { server, to }] of redirected) {
      // A process that plays dead takes what listens within this one along.
      if (wanted.get(port) === to && server.listening) continue;
      await closed(server);
      redirected.delete(port);
    }
    for (const [port, to] of wanted) {
      if (!redirected.has(port)) redirected.set(port, { server: await listening(Number(port), to), to });
    }
  };

  const restore = async (document: string): Promise<CommandResult> => {
    let table: string[] = [];
    for (const line of document.split('\n')) {
      const [, name] = /^\*(\w+)$/.exec(line) ?? [];
      const [, verb, chain = '', rule = ''] = /^-([ID]) (\w+)(?: 1)? (.*)$/.exec(line) ?? [];
      if (name !== undefined) table = tables.get(name) ?? [];
      if (verb === 'I') table.unshift(`${chain} ${rule}`);
      if (verb === 'D') table.splice(table.indexOf(`${chain} ${rule}`), 1);
    }
    await redirect();
    return done();
  };

  const save = (): CommandResult => {
    const texts = [...tables].map(
      ([name, rules]) => `*${name}\n${rules.map((rule) => `-A ${rule}\n`).join('')}COMMIT\n`,
    );
    return done(texts.join(''));
  };

  return {
    commands: (others) => ({
      run: async (argv, options) => {
        const [program = ''] = argv;
        if (program === 'iptables-save') return save();
        if (program === 'iptables-restore') return restore(options.input ?? '');
        // No IPv6, and no other tables.
        if (/^ip6?tables/.test(program)) return { ...done(), exitCode: 127 };
        return others.run(argv, options);
      },
    }),
    rules: () => [...tables].flatMap(([name, rules]) => rules.map((rule) => `${name} -A ${rule}`)),
    close: async () => {
      await Promise.all([...redirected.values()].map(({ server }) => closed(server)));
    },
  };
};
