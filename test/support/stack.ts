import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDocker } from '../../src/compose/docker.ts';
import type { ContainerState } from '../../src/compose/engine.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemCommands } from '../../src/system/command.ts';
import { endOrphans } from '../../src/system/orphans.ts';
import { type Outcome, type Started, start } from './command.ts';
import { collectionsOf, fingerprintOf, hashOf } from './database.ts';
import { freePort } from './free-port.ts';
import { type Machine, registryAddress, thisMachine } from './machine.ts';
import { type Runner, runnersIn, untilNone } from './runners.ts';
import { SMALL_COMPOSE, withCheapChecks } from './small-stack.ts';

const COMPOSE_FOLDER = fileURLToPath(new URL('../../compose/', import.meta.url));
const COMMAND_MS = 180_000;
/** The whole environment of what is run: nothing of the caller's leaks into a test. */
const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NO_COLOR: '1' };

/** Where the test bed's registry is, with the prefix of the demo's repositories. */
export const repository = (): string => `${registryAddress()}/kaleem`;

export const apiImage = (tag: string): string => `${repository()}/kaleem-api:${tag}`;

export interface StackOptions {
  /** All seven services of compose/, or the four of the small one. */
  readonly size?: 'small' | 'full';
  /** Health checks of the small one that cost next to nothing; the api's own and MongoDB's unless told. */
  readonly checks?: 'own' | 'cheap';
  /** Of the release variables in `.env`. */
  readonly tag?: string;
  /** In `.env`, beside what every stack has. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Another folder's stack with the same project name; unique unless told. */
  readonly project?: string;
  /** An empty folder to use, which is left to whoever made it; one of its own unless told. */
  readonly directory?: string;
  /** Where it runs; this machine unless told. */
  readonly machine?: Machine;
  /** On which ports of the machine it is published; free ones unless told. */
  readonly ports?: { readonly http: number; readonly api: number };
}

/** A folder with a compose file and `.env` as a user has them, and what becomes of it. */
export interface Stack {
  readonly directory: string;
  readonly project: string;
  readonly httpPort: number;
  readonly apiPort: number;
  /** Runs the tool in the folder and waits for its end. */
  run(...argv: readonly string[]): Promise<Outcome>;
  /** The same, for a version that never becomes healthy: gives up after 20 s, where `run` is patient. */
  runBriefly(...argv: readonly string[]): Promise<Outcome>;
  start(...argv: readonly string[]): Started;
  /** The runners of this folder's operations; what `start` began only follows one. */
  runners(): Promise<readonly Runner[]>;
  /** Signals the one runner there is. Rejects when there is none. */
  signalRunner(name: NodeJS.Signals): Promise<Runner>;
  /** Resolves once no runner is left, whoever follows it. */
  settled(): Promise<void>;
  /** The same with failpoints, which KALEEM_FAILPOINTS* say: see src/system/failpoints/armed.ts. */
  armed(variables: Readonly<Record<string, string>>, ...argv: readonly string[]): Started;
  /** The same as an argument of another program (strace, say), with variables beside those that every run has. */
  startUnder(
    program: readonly string[],
    variables: Readonly<Record<string, string>>,
    ...argv: readonly string[]
  ): Started;
  /** To a process of the machine that it runs on, by its number there. */
  signal(pid: number, name: NodeJS.Signals): Promise<void>;
  /** `docker ARGV` with the engine that it runs on; rejects when it fails. */
  docker(...argv: readonly string[]): Promise<string>;
  /** `docker compose ARGV` by hand; rejects when it fails. */
  compose(...argv: readonly string[]): Promise<string>;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  /** Puts a variable of `.env` to another value, with an editor, so to say. */
  setVariable(name: string, value: string): Promise<void>;
  containers(): Promise<readonly ContainerState[]>;
  /** Container ids by service. */
  ids(): Promise<Readonly<Record<string, string>>>;
  /** Where its MongoDB can be reached from here: host and port. */
  databaseAddress(): Promise<string>;
  contentHash(): Promise<string>;
  fingerprint(): Promise<Readonly<Record<string, string>>>;
  collections(): Promise<readonly string[]>;
  /** Rules of the tool's in the firewall that belong to this project: `iptables -t nat -A PREROUTING ...`. */
  fenceRules(): Promise<readonly string[]>;
  /** Removes everything: containers, networks, volumes, images held, rules left behind, the folder. */
  cleanup(): Promise<void>;
  /** Removes the folder alone: of a stack whose project is another's. */
  discard(): Promise<void>;
}

/** A folder of its own, free ports, a project of its own. Nothing runs yet. */
export const makeStack = async (options: StackOptions = {}): Promise<Stack> => {
  const { size = 'small', checks = 'own', tag = 'v0.0.1', machine = thisMachine } = options;
  const directory = options.directory ?? (await mkdtemp(join(machine.folder, 'kaleem-e2e-')));
  const project = options.project ?? `e2e-${randomBytes(4).toString('hex')}`;
  const { http: httpPort, api: apiPort } = options.ports ?? { http: await freePort(), api: await freePort() };
  const docker = openDocker({
    commands: systemCommands,
    environment: { ...environment, ...machine.engine },
    clock: systemClock,
  });
  const write = (file: string, text: string) => writeFile(join(directory, file), text, { mode: 0o600 });
  const read = (file: string) => readFile(join(directory, file), 'utf8');

  const full = size === 'full' ? { KALEEM_FRONTEND_IMAGE: `${repository()}/kaleem-frontend:${tag}` } : {};
  const variables = {
    ...{ COMPOSE_PROJECT_NAME: project, KALEEM_API_IMAGE: apiImage(tag), ...full },
    MONGODB_URI: 'mongodb://mongo:27017/kaleem',
    ...(size === 'full'
      ? { REDIS_URL: 'redis://redis:6379', QDRANT_URL: 'http://qdrant:6333', RABBITMQ_URL: 'amqp://rabbitmq:5672' }
      : {}),
    ...{ HTTP_PORT: httpPort, API_PORT: apiPort, HEALTH_URL: `http://localhost:${apiPort}/api/health` },
    ...{ MAX_ATTEMPTS: 60, SLEEP_SECONDS: 1 },
    ...options.variables,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await write('.env', `# Written by hand: this comment stays.\n${lines.join('')}`);
  const small = checks === 'cheap' ? withCheapChecks(SMALL_COMPOSE) : SMALL_COMPOSE;
  const compose = size === 'full' ? await readFile(join(COMPOSE_FOLDER, 'compose.yml'), 'utf8') : small;
  // Another machine's loopback is out of reach: there the api's own port is open to all.
  await write('compose.yml', machine === thisMachine ? compose : compose.replaceAll('127.0.0.1:', ''));
  await cp(join(COMPOSE_FOLDER, 'nginx'), join(directory, 'nginx'), { recursive: true });

  const runners = () => runnersIn(directory);
  const launch = (argv: readonly string[], variables: Readonly<Record<string, string>> = {}): Started =>
    start(machine.command(argv, directory, variables), {
      ...{ cwd: directory, env: { ...environment, ...variables }, timeoutMs: COMMAND_MS },
    });
  const begin = (
    argv: readonly string[],
    how: {
      readonly node?: readonly string[];
      readonly variables?: Readonly<Record<string, string>>;
      readonly under?: readonly string[];
    } = {},
  ): Started => {
    const [node, tool] = machine.tool;
    return launch([...(how.under ?? []), node, ...(how.node ?? []), tool, ...argv], how.variables);
  };
  const must: Must = async (argv) => {
    const { code, stdout, stderr } = await launch(argv).ended;
    if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}: ${stderr}`);
    return stdout.trim();
  };
  const containers = async () => (await docker.containers(project, { all: true })).filter((each) => !each.oneOff);
  const databaseAddress = async () => {
    const mongo = (await containers()).find((each) => each.service === 'mongo');
    const address = mongo?.networks[0]?.ipv4;
    if (address == null) throw new Error(`${project}: no mongo runs`);
    return machine.reach(address, 27017);
  };
  const fenceRules = async () => {
    const saved = await Promise.all(
      ['iptables', 'ip6tables'].map(async (program) => {
        const lines = (await must([`${program}-save`])).split('\n');
        let table = '';
        return lines.flatMap((line) => {
          if (line.startsWith('*')) table = line.slice(1);
          return line.includes(`kaleem-deploy:${project}/`) ? [`${program} -t ${table} ${line}`] : [];
        });
      }),
    );
    return saved.flat();
  };

  return {
    ...{ directory, project, httpPort, apiPort, read, write, containers, databaseAddress, fenceRules },
    run: (...argv) => begin(argv).ended,
    runBriefly: (...argv) => begin(argv, { variables: { MAX_ATTEMPTS: '20' } }).ended,
    start: (...argv) => begin(argv),
    runners,
    async signalRunner(name) {
      const [runner] = await runners();
      if (runner === undefined) throw new Error(`${project}: no runner runs`);
      process.kill(runner.pid, name);
      return runner;
    },
    settled: () => untilNone(runners),
    armed: (variables, ...argv) => begin(argv, { node: ['--conditions=failpoints'], variables }),
    startUnder: (under, variables, ...argv) => begin(argv, { under, variables }),
    signal: async (pid, name) => {
      await must(['kill', `-${name.slice(3)}`, String(pid)]);
    },
    docker: machine.docker,
    compose: (...argv) => must(['docker', 'compose', ...argv]),
    async setVariable(name, value) {
      const text = await read('.env');
      await write('.env', text.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`));
    },
    async ids() {
      return Object.fromEntries((await containers()).map(({ service, id }) => [service, id]));
    },
    contentHash: async () => hashOf(await databaseAddress()),
    fingerprint: async () => fingerprintOf(await databaseAddress()),
    collections: async () => collectionsOf(await databaseAddress()),
    discard: () => rm(directory, { recursive: true, force: true }),
    async cleanup() {
      for (const { marker } of await runners()) await endOrphans(marker, { clock: systemClock });
      // Of a test that failed half-way. The command also ends the process that answers 503; it may refuse.
      if ((await fenceRules()).length > 0) await begin(['maintenance', 'off']).ended;
      await removeRules(await fenceRules(), must);
      await removeProject(project, must);
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
};

type Must = (argv: readonly string[]) => Promise<string>;

/** Deletes rules one by one: a test that failed half-way must not shut the next one's ports. */
const removeRules = async (rules: readonly string[], must: Must): Promise<void> => {
  for (const rule of rules) {
    const [program = '', ...words] = rule.replaceAll('"', '').split(' ');
    const deletion = words.map((word) => (word === '-A' ? '-D' : word));
    await must([program, '-w', '10', ...deletion]).catch(() => {});
  }
};

/** By label, whatever the compose file says by now. */
const removeProject = async (project: string, must: Must): Promise<void> => {
  const list = async (...argv: readonly string[]) =>
    (await must(['docker', ...argv, '--filter', `label=com.docker.compose.project=${project}`]))
      .split('\n')
      .filter((line) => line !== '');
  const containers = await list('ps', '-aq');
  if (containers.length > 0) await must(['docker', 'rm', '-fv', ...containers]).catch(() => {});
  const networks = await list('network', 'ls', '-q');
  if (networks.length > 0) await must(['docker', 'network', 'rm', ...networks]).catch(() => {});
  const volumes = await list('volume', 'ls', '-q');
  if (volumes.length > 0) await must(['docker', 'volume', 'rm', '-f', ...volumes]).catch(() => {});
  const held = await must(['docker', 'images', '--format', '{{.Repository}}:{{.Tag}}', `kaleem-deploy/${project}`]);
  const tags = held.split('\n').filter((line) => line !== '');
  if (tags.length > 0) await must(['docker', 'rmi', ...tags]).catch(() => {});
};
