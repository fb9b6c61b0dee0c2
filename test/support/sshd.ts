import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const untilUp = async (port: number, child: ChildProcess, said: () => string): Promise<void> => {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return;
  }
  throw new Error(`it did not come up: ${said()}`);
};

/** Starts a server and waits until its port answers. */
export const startServer = async (
  file: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
) => {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4_000);
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('error', (error) => {
    said += error.message;
  });
  await untilUp(port, child, () => said);
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
};

/** Processes by their parents, as /proc has them. */
const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    all.map(async (name) => {
      const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      // The name of the program, in brackets, may have spaces.
      return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === pid ? [Number(name)] : [];
    }),
  );
  return found.flat();
};

export interface Sshd {
  readonly port: number;
  readonly username: string;
  /** Absolute paths in its own folder. */
  at(name: string): string;
  /** The key that may log in. */
  readonly userKey: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  /** A known_hosts file with that key. */
  readonly knownHosts: string;
  /** Ends every connection there is, as a network that is gone would. What runs in them goes on. */
  cutConnections(): Promise<void>;
  /** The server itself ends; connections that there are stay. */
  stopListening(): Promise<void>;
  listenAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** A real sshd with keys of its own; whoever runs the tests logs in. `config`: more lines of sshd_config(5). */
export const startSshd = async (config: readonly string[] = []): Promise<Sshd> => {
  const home = await mkdtemp(join(tmpdir(), 'kaleem-sshd-'));
  const at = (name: string): string => join(home, name);
  for (const name of ['host', 'user']) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  const port = await freePort();
  const hostKey = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(at('authorized_keys'), await readFile(at('user.pub')));
  await writeFile(
    at('sshd_config'),
    [
      ...config,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      ...['StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin prohibit-password'],
      ...['PidFile none', 'Subsystem sftp internal-sftp', 'MaxStartups 100'],
    ].join('\n'),
  );
  await chmod(home, 0o755);
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const listen = () => startServer('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config')], port);
  let server = await listen();
  const cutConnections = async (): Promise<void> => {
    for (const pid of await childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
  };
  return {
    ...{ port, at, hostKey, cutConnections, username: userInfo().username },
    stopListening: () => server.stop(),
    async listenAgain() {
      server = await listen();
    },
    ...{ userKey: at('user'), knownHosts: at('known_hosts') },
    async stop() {
      await cutConnections().catch(() => {});
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};
