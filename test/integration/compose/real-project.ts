import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ComposeClient, openComposeClient } from '../../../src/compose/compose-client.ts';
import { openDocker } from '../../../src/compose/docker.ts';
import type { ContainerState, Docker } from '../../../src/compose/engine.ts';
import { type ComposeProject, openProject } from '../../../src/compose/project.ts';
import { renderProject } from '../../../src/compose/render.ts';
import type { RenderedProject } from '../../../src/compose/rendered.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';

/** An image of the test bed that is small and has an anonymous volume (/data). */
export const IMAGE = 'redis:7';
export const SLEEP = 'init: true\n    stop_grace_period: 1s\n    command: [sleep, infinity]';

const unique = (): string => `kaleemc${randomBytes(4).toString('hex')}`;

/** What a person's shell has. */
export const shellEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ['PATH', 'HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((name) =>
      process.env[name] ? [[name, process.env[name]]] : [],
    ),
  );

export const run = async (
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
) => {
  const result = await systemCommands.run(argv, {
    env: { ...shellEnvironment(), ...options.env },
    timeoutMs: 120_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (result.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr}`);
  return result.stdout.trim();
};

/** A folder with a compose file, and a second one, elsewhere, for what is rendered from it. */
export interface RealProject {
  readonly name: string;
  readonly directory: string;
  readonly docker: Docker;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** `docker compose ...` as a person types it in that folder. */
  byHand(...args: readonly string[]): Promise<string>;
  open(environment?: Readonly<Record<string, string>>): Promise<ComposeProject>;
  render(overrides?: Readonly<Record<string, string>>): Promise<RenderedProject>;
  /** The rendered text as a file outside the folder. */
  store(rendered: RenderedProject): Promise<string>;
  client(): Promise<ComposeClient>;
  containers(): Promise<readonly ContainerState[]>;
  container(service: string): Promise<ContainerState>;
  remove(): Promise<void>;
}

export const createRealProject = async (files: Readonly<Record<string, string>>): Promise<RealProject> => {
  const name = unique();
  const directory = join(await mkdtemp(join(tmpdir(), 'kaleem-compose-')), name);
  const elsewhere = await mkdtemp(join(tmpdir(), 'kaleem-rendered-'));
  const environment = shellEnvironment();
  const docker = openDocker({ commands: systemCommands, environment, clock: systemClock });
  let stored = 0;

  const write = async (contents: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(contents)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
  };
  await write(files);

  const open = (extra: Readonly<Record<string, string>> = {}) =>
    openProject(
      {
        compose: {
          directory,
          files: [join(directory, 'compose.yml')],
          projectName: null,
          profiles: [],
          envFile: join(directory, '.env'),
          envFiles: existsSync(join(directory, '.env')) ? [join(directory, '.env')] : [],
        },
        environment: { ...environment, ...extra },
      },
      { commands: systemCommands },
    );
  const containers = () => docker.containers(name, { all: true });

  return {
    ...{ name, directory, docker, write, open, containers },
    byHand: (...args) => run(['docker', 'compose', ...args], { cwd: directory }),
    render: async (overrides) => renderProject(await open(), { commands: systemCommands }, overrides),
    async store(rendered) {
      stored += 1;
      const path = join(elsewhere, `${stored}.json`);
      await writeFile(path, rendered.text, { mode: 0o600 });
      return path;
    },
    client: async () => openComposeClient(await open(), { commands: systemCommands, docker }),
    async container(service) {
      const found = (await containers()).filter((each) => each.service === service && !each.oneOff);
      if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} containers of ${service}`);
      return found[0];
    },
    async remove() {
      const left = await containers();
      const volumes = left.flatMap(({ mounts }) =>
        mounts.flatMap((mount) => (mount.name === null ? [] : [mount.name])),
      );
      await docker.remove(left.map(({ id }) => id));
      const filter = `label=com.docker.compose.project=${name}`;
      const named = (await run(['docker', 'volume', 'ls', '--quiet', '--filter', filter])).split('\n').filter(Boolean);
      const all = [...new Set([...named, ...volumes])];
      if (all.length > 0) await run(['docker', 'volume', 'rm', '--force', ...all]);
      const networks = (await run(['docker', 'network', 'ls', '--quiet', '--filter', filter]))
        .split('\n')
        .filter(Boolean);
      if (networks.length > 0) await run(['docker', 'network', 'rm', ...networks]);
      await rm(dirname(directory), { recursive: true, force: true });
      await rm(elsewhere, { recursive: true, force: true });
    },
  };
};
