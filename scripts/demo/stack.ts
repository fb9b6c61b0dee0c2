// A whole Kaleem stack in a temporary folder, under a project name and on ports of its own, and gone without a trace at the end.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemCommands } from '../../src/system/command.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Stack {
  readonly directory: string;
  readonly project: string;
  /** nginx, where the world comes in: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Containers, volumes, networks, image tags of this project and the folder. Safe to call twice. */
  remove(): Promise<void>;
}

export interface StackOptions {
  /** The registry that has kaleem/kaleem-api and kaleem/kaleem-frontend. */
  readonly registry: string;
  /** What `.env` says before anything is deployed. */
  readonly version: string;
  /** Of the project's name. */
  readonly prefix: string;
  /** MAX_ATTEMPTS and SLEEP_SECONDS of `.env`. */
  readonly attempts: number;
  readonly sleepSeconds: number;
  /** kaleem-deploy.yml; null: none is needed. */
  readonly config: string | null;
}

/** Runs docker and gives back its stdout; a failure is an error with its last words. */
export const docker = async (args: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await systemCommands.run(['docker', ...args], { timeoutMs: 120_000 });
  if (exitCode === 0) return stdout.trim();
  throw new Error(`docker ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`);
};

const freePorts = async (count: number): Promise<readonly number[]> => {
  const servers = Array.from({ length: count }, () => createServer());
  // All are held at once, so that no port is given out twice.
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};

const lines = (text: string): readonly string[] => text.split('\n').filter(Boolean);

/** By label and not through Compose: it must work whatever state things were left in. */
const removeProject = async (project: string): Promise<void> => {
  const label = ['--filter', `label=com.docker.compose.project=${project}`];
  const remove = async (list: readonly string[], how: readonly string[]) => {
    const found = lines(await docker(list));
    if (found.length > 0) await docker([...how, '--', ...found]);
  };
  await remove(['ps', '--all', '--quiet', ...label], ['rm', '--force', '--volumes']);
  await Promise.all([
    remove(['network', 'ls', '--quiet', ...label], ['network', 'rm']),
    remove(['volume', 'ls', '--quiet', ...label], ['volume', 'rm']),
    remove(
      ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=kaleem-deploy/${project}`],
      ['image', 'rm'],
    ),
  ]);
};

const environment = (options: StackOptions, project: string, [http = 0, api = 0]: readonly number[]): string =>
  [
    `COMPOSE_PROJECT_NAME=${project}`,
    `KALEEM_API_IMAGE=${options.registry}/kaleem/kaleem-api:${options.version}`,
    `KALEEM_FRONTEND_IMAGE=${options.registry}/kaleem/kaleem-frontend:${options.version}`,
    'MONGODB_URI=mongodb://mongo:27017/kaleem',
    'REDIS_URL=redis://redis:6379',
    'QDRANT_URL=http://qdrant:6333',
    'RABBITMQ_URL=amqp://rabbitmq:5672',
    `HTTP_PORT=${http}`,
    `API_PORT=${api}`,
    `HEALTH_URL=http://localhost:${api}/api/health`,
    `MAX_ATTEMPTS=${options.attempts}`,
    `SLEEP_SECONDS=${options.sleepSeconds}`,
    '',
  ].join('\n');

/** Writes the folder; nothing of it runs yet. */
export const createStack = async (options: StackOptions): Promise<Stack> => {
  const directory = await mkdtemp(join(tmpdir(), `${options.prefix}-`));
  const project = `${options.prefix}-${randomBytes(4).toString('hex')}`;
  const ports = await freePorts(2);
  await mkdir(join(directory, 'nginx'));
  await cp(join(root, 'compose/compose.yml'), join(directory, 'compose.yml'));
  await cp(join(root, 'compose/nginx/nginx.conf'), join(directory, 'nginx/nginx.conf'));
  await writeFile(join(directory, '.env'), environment(options, project, ports));
  if (options.config !== null) await writeFile(join(directory, 'kaleem-deploy.yml'), options.config);
  return {
    directory,
    project,
    url: `http://127.0.0.1:${ports[0]}`,
    async remove() {
      await removeProject(project);
      await rm(directory, { recursive: true, force: true });
    },
  };
};
