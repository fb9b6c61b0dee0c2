import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { docker } from './docker.ts';
import { builtTool, type Machine, registryAddress } from './machine.ts';
import { type RegistryProxy, startRegistryProxy } from './registry-proxy.ts';
import { openTunnels } from './tunnel.ts';

/** All made by scripts/test-bed/up.sh. */
const IMAGE = 'kaleem-test-bed/server:base';
const BARE_IMAGE = 'kaleem-test-bed/server:bare';
const DISK = 'kaleem-test-bed-server-disk';
/** Where the tool is in the server; with its dependencies beside it, as a package manager would put them. */
const TOOL = '/opt/kaleem-deploy';
const NODE = '/usr/local/bin/node';
/** Where `setup` puts both on a server that had neither. */
const PREPARED = { node: '/opt/kaleem-deploy/node/node', tool: ['/bin/sh', '/usr/local/bin/kaleem-deploy'] } as const;
const BOOT_MS = 60_000;
const POLL_MS = 50;

export interface ServerOptions {
  /** Ports of the server that can be reached at 127.0.0.1 of this machine, under the same numbers. */
  readonly ports: readonly number[];
  /** Nothing but sshd: neither Docker nor Node nor the tool. Images lie where an engine is going to look for them. */
  readonly bare?: boolean;
}

/**
 * A server in a container: systemd is PID 1, it has a Docker engine of its own with the small stack's images, the tool,
 * and the registry of the test bed at the address that it has on this machine. Folders that tests make for it are shared
 * with this machine, under the same path; a power cut therefore loses processes and firewall rules, and nothing written.
 */
export interface Server extends Machine {
  readonly name: string;
  /** Between the server and the registry: it can be cut, or answer with errors. */
  readonly registry: RegistryProxy;
  /** A command on the server; rejects when it fails. */
  exec(...argv: readonly string[]): Promise<string>;
  /** Everything ends this instant; the disk keeps what was written. */
  cutPower(): Promise<void>;
  /** An orderly shutdown; what does not want to end has 10 s. With `boot` it is what `docker restart` does. */
  shutDown(): Promise<void>;
  /** After either. Resolves when systemd has started everything. */
  boot(): Promise<void>;
  /** Waits until its Docker engine answers. */
  engineUp(): Promise<void>;
  cleanup(): Promise<void>;
}

const until = async (what: string, ready: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + BOOT_MS;
  while (!(await ready().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what} took longer than ${BOOT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};

const daemonConfiguration = (): string =>
  JSON.stringify({
    'registry-mirrors': [`http://${registryAddress()}`],
    'insecure-registries': [registryAddress()],
    'log-opts': { 'max-size': '10m' },
  });

/** The unit's own address is the usual one; this machine's registry may have another port. */
const socketDropIn = (): string => `[Socket]\nListenStream=\nListenStream=${registryAddress()}\n`;

/** Starts a server and waits until it has booted. */
export const startServer = async ({ ports, bare = false }: ServerOptions): Promise<Server> => {
  const name = `kaleem-server-${randomBytes(4).toString('hex')}`;
  const disk = `${name}-docker`;
  // Not in /tmp: a booting server empties its own.
  const folder = await mkdtemp(`/var/tmp/${name}-`);
  const [shared, stacks] = [join(folder, 'engine'), join(folder, 'stacks')];
  await mkdir(shared);
  await mkdir(stacks);
  await writeFile(join(folder, 'daemon.json'), daemonConfiguration());
  await writeFile(join(folder, 'registry.conf'), socketDropIn());
  const registry = await startRegistryProxy(join(shared, 'registry.sock'));
  const tunnels = openTunnels((host, port) => [
    ...['docker', 'exec', '-i', name, bare ? PREPARED.node : NODE, '-e', TUNNEL, host, String(port)],
  ]);
  const dist = dirname(dirname(builtTool()));
  const mounts = {
    [disk]: '/var/lib/docker',
    [shared]: '/srv/engine',
    [stacks]: stacks,
    [`${join(folder, 'daemon.json')}`]: '/etc/docker/daemon.json:ro',
    [`${join(folder, 'registry.conf')}`]: '/etc/systemd/system/registry.socket.d/address.conf:ro',
    ...(bare
      ? {}
      : {
          [process.execPath]: `${NODE}:ro`,
          [dist]: `${TOOL}/dist:ro`,
          [join(dist, '../package.json')]: `${TOOL}/package.json:ro`,
          [await realpath(join(dist, '../node_modules'))]: `${TOOL}/node_modules:ro`,
        }),
  };
  const engine = { DOCKER_HOST: `unix://${join(shared, 'docker.sock')}` };
  const exec = (...argv: readonly string[]) => docker('exec', name, ...argv);
  const inEngine = (...argv: readonly string[]) => docker('--host', engine.DOCKER_HOST, ...argv);

  const engineUp = () => until(`the engine of ${name}`, async () => (await inEngine('info')) !== '');
  const booted = async () => {
    await until(`the boot of ${name}`, async () => {
      // It ends with an error where a unit failed ("degraded"); a test that needs all of them looks itself.
      const said = await exec('systemctl', 'is-system-running').catch((error: { stdout?: string }) => error.stdout);
      return /^(?:running|degraded)/.test(said ?? '');
    });
    if (!bare) await engineUp();
  };
  const initPid = async () => Number(await docker('inspect', '--format', '{{.State.Pid}}', name));
  let init = 0;
  const server: Server = {
    ...{ name, registry, folder: stacks, engine, exec, engineUp },
    tool: bare ? PREPARED.tool : [NODE, `${TOOL}/dist/cli/main.js`],
    command: (argv, directory, variables) => [
      ...['docker', 'exec', '--workdir', directory, '--env', 'NO_COLOR=1'],
      ...Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...[name, ...argv],
    ],
    reach: (address, port) => tunnels.to(address, port),
    docker: inEngine,
    async cutPower() {
      // What `docker kill` does, without the time that the command takes.
      if (init > 0) process.kill(init, 'SIGKILL');
      await docker('wait', name);
    },
    async shutDown() {
      await docker('stop', '--time', '60', name);
    },
    async boot() {
      await docker('start', name);
      init = await initPid();
      await booted();
    },
    async cleanup() {
      await tunnels.close();
      await docker('rm', '--force', '--volumes', name).catch(() => {});
      await docker('volume', 'rm', '--force', disk).catch(() => {});
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await docker('volume', 'create', disk);
    // Two engines with one id would be one to the tool.
    const copy = 'cp -a /from/. /to/ && rm -f /to/engine-id';
    await docker('run', '--rm', '-v', `${DISK}:/from:ro`, '-v', `${disk}:/to`, IMAGE, 'bash', '-c', copy);
    await docker(
      ...['run', '--detach', '--name', name, '--hostname', name, '--privileged', '--cgroupns=private'],
      ...['/run', '/run/lock', '/tmp'].flatMap((path) => ['--tmpfs', path]),
      ...Object.entries(mounts).flatMap(([from, to]) => ['--volume', `${from}:${to}`]),
      ...ports.flatMap((port) => ['--publish', `127.0.0.1:${port}:${port}`]),
      bare ? BARE_IMAGE : IMAGE,
    );
    init = await initPid();
    await booted();
  } catch (error) {
    await server.cleanup();
    throw error;
  }
  return server;
};

/** One connection, from its standard input and output to an address that only the server knows. */
const TUNNEL = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:net').connect(Number(port), host);
  process.stdin.pipe(socket).pipe(process.stdout);
  for (const each of [socket, process.stdin, process.stdout]) each.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(0));
`;
