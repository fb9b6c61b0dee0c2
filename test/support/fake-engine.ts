import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { ComposeClient } from '../../src/compose/compose-client.ts';
import type { ContainerState, Docker, EngineInfo, ImageInfo } from '../../src/compose/engine.ts';
import { OPERATION_LABEL } from '../../src/compose/labels.ts';
import { parseRendered } from '../../src/compose/parse-rendered.ts';
import type { Registry } from '../../src/compose/registry.ts';
import { DeployError } from '../../src/errors.ts';
import type { CommandResult, CommandRunner } from '../../src/system/command.ts';

/** A call that changes something, for tests that interfere with it. */
export interface EngineCall {
  /** 0, 1, 2, ... since the engine was made. */
  readonly index: number;
  /** `stop api`, `create api,worker`, `tag ...`: what is done, and to which services. */
  readonly text: string;
  readonly moment: 'before' | 'after';
}

/** What a container of an image does once it is started. */
export type Behaviour = 'healthy' | 'healthy-late' | 'never-healthy' | 'exits';

/** A container that is healthy late is so once it has been looked at so often. */
const LOOKS_UNTIL_HEALTHY = 40;

/** An engine, Compose and a registry in memory, as far as a deploy sees them. */
export interface FakeEngine {
  readonly info: EngineInfo;
  readonly docker: Docker;
  readonly compose: ComposeClient;
  readonly registry: Registry;
  /** Answers `docker compose config`; any other command is a hook, whose answer is in `hooks`. */
  readonly commands: CommandRunner;
  /** Text of every call that changed something, in order. */
  readonly calls: readonly string[];
  /** Commands that were run on the host or in a one-off container, with their environment. */
  readonly hooksRun: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }[];
  /** Exit codes of hooks by their first word; default 0. */
  readonly hookExits: Map<string, number>;
  /** By image reference `repo:tag`. */
  readonly behaviours: Map<string, Behaviour>;
  /** Called around every call that changes something; what it throws, the call rejects with. */
  interfere: (call: EngineCall) => void;
  all(): readonly ContainerState[];
  publish(reference: string): void;
  /** The image of a published reference: here, as after a pull. */
  hasPulled(reference: string): void;
  imageId(reference: string): string;
}

type Stored = { -readonly [K in keyof ContainerState]: ContainerState[K] } & { looks?: number };
type ComposeText = {
  readonly name: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** What `docker ps` shows without `--all`. */
const RUNS: readonly string[] = ['running', 'restarting', 'paused'];

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const answer = (stdout: string, exitCode = 0, stderr = ''): CommandResult => ({
  ...{ exitCode, stdout, stderr },
  timedOut: false,
});

/** As Compose since 2.27: `depends_on` does not count. */
const hashOf = (service: Readonly<Record<string, unknown>>): string => {
  const { depends_on: _, ...rest } = service;
  return sha(JSON.stringify(rest));
};

const interpolated = (text: string, env: Readonly<Record<string, string>>): CommandResult => {
  const unset: string[] = [];
  const result = text.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    if (env[name] === undefined) unset.push(`The "${name}" variable is not set. Defaulting to a blank string.`);
    return env[name] ?? '';
  });
  return answer(result, 0, unset.join('\n'));
};

const baseOf = (reference: string): string => reference.split('@')[0] ?? reference;
const repositoryOf = (reference: string): string => baseOf(reference).replace(/:[^:/]+$/, '');

export const createFakeEngine = (options: { readonly project: string; readonly directory: string }): FakeEngine => {
  const { project, directory } = options;
  const published = new Map<string, { id: string; digest: string }>();
  const images = new Map<string, { tags: Set<string>; digests: Set<string> }>();
  const calls: string[] = [];
  const hooksRun: FakeEngine['hooksRun'] = [];
  const hookExits = new Map<string, number>();
  const behaviours = new Map<string, Behaviour>();
  let containers: Stored[] = [];
  let made = 0;
  let index = 0;

  const change = async <T>(text: string, act: () => T | Promise<T>): Promise<T> => {
    const call = { index, text };
    index += 1;
    calls.push(text);
    engine.interfere({ ...call, moment: 'before' });
    const value = await act();
    engine.interfere({ ...call, moment: 'after' });
    return value;
  };
  const byIds = (ids: readonly string[]): readonly Stored[] => containers.filter((each) => ids.includes(each.id));
  const named = (ids: readonly string[]): string => [...new Set(byIds(ids).map((each) => each.service))].join(',');

  const find = (reference: string): string | null => {
    if (images.has(reference)) return reference;
    const [, digest] = reference.split('@');
    const wanted = digest === undefined ? null : `${repositoryOf(reference)}@${digest}`;
    for (const [id, { tags, digests }] of images) {
      if (wanted === null ? tags.has(reference) : digests.has(wanted)) return id;
    }
    return null;
  };
  const mustFind = (reference: string): string => {
    const id = find(reference);
    if (id === null) throw new DeployError('docker-failed', `no such image: ${reference}`);
    return id;
  };
  const take = (reference: string): void => {
    const image = published.get(baseOf(reference));
    if (image === undefined) throw new DeployError('image-not-found', `${reference} is in no registry`);
    const known = images.get(image.id) ?? { tags: new Set<string>(), digests: new Set<string>() };
    for (const { tags } of images.values()) tags.delete(baseOf(reference));
    known.tags.add(baseOf(reference));
    known.digests.add(`${repositoryOf(reference)}@${image.digest}`);
    images.set(image.id, known);
  };

  const newContainer = (text: ComposeText, name: string): Stored => {
    const parsed = parseRendered(JSON.stringify(text)).services[name];
    if (parsed === undefined) throw new DeployError('compose-invalid', `no such service: ${name}`);
    made += 1;
    const imageId = mustFind(parsed.image);
    return {
      ...{ id: sha(`${project} ${made}`), name: `${project}-${name}-1`, service: name, number: 1, image: parsed.image },
      ...{ imageId, state: 'created', health: null, restartCount: 0, startedAt: '', exitCode: 0, oomKilled: false },
      ...{ restartPolicy: parsed.restart, configHash: hashOf(text.services[name] ?? {}), configFiles: [] },
      ...{ workingDirectory: directory, oneOff: false, labels: {}, networks: [], ports: parsed.ports, mounts: [] },
      ...{ pid: 0, hostNetwork: false },
    };
  };
  const create = async (file: string, services: readonly string[], replace: boolean): Promise<void> => {
    const text = JSON.parse(await readFile(file, 'utf8')) as ComposeText;
    for (const name of services) {
      if (!replace && containers.some((each) => each.service === name)) continue;
      const fresh = newContainer(text, name);
      containers = [...containers.filter((each) => each.service !== name), fresh];
    }
  };
  const startNow = (container: Stored): void => {
    if (container.state === 'running') return;
    made += 1;
    const tag = [...(images.get(container.imageId)?.tags ?? [])].find((each) => behaviours.has(each));
    const behaviour = behaviours.get(tag ?? '') ?? 'healthy';
    container.startedAt = new Date(made * 1000).toISOString();
    container.state = behaviour === 'exits' ? 'exited' : 'running';
    container.exitCode = behaviour === 'exits' ? 1 : 0;
    container.health = behaviour === 'never-healthy' || behaviour === 'healthy-late' ? 'starting' : 'healthy';
    if (behaviour === 'healthy-late') container.looks = LOOKS_UNTIL_HEALTHY;
  };
  const end = (container: Stored, exitCode: number): void => {
    if (container.state !== 'running') return;
    Object.assign(container, { state: 'exited', exitCode });
  };
  const runHook = (argv: readonly string[], env: Readonly<Record<string, string>>): CommandResult => {
    hooksRun.push({ argv, env });
    const exitCode = hookExits.get(argv[0] ?? '') ?? 0;
    return answer('', exitCode, exitCode === 0 ? '' : 'the hook said no');
  };

  const docker: Docker = {
    info: async () => engine.info,
    async containers(name, { all = false } = {}) {
      for (const each of containers) if (each.looks !== undefined && --each.looks === 0) each.health = 'healthy';
      return containers
        .filter((each) => name === project && (all || RUNS.includes(each.state)))
        .map(({ looks, ...each }) => ({ ...each }));
    },
    inspect: async () => [],
    containersOnNetwork: async () => [],
    async image(reference): Promise<ImageInfo | null> {
      const id = find(reference);
      const found = id === null ? undefined : images.get(id);
      if (id === null || found === undefined) return null;
      const lists = { repoDigests: [...found.digests], repoTags: [...found.tags] };
      return { id, ...lists, architecture: 'linux/amd64', sizeBytes: 1000 };
    },
    pull: (reference) => change(`pull ${reference}`, () => take(reference)),
    tag: (source, target) =>
      change(`tag ${target}`, () => {
        const id = mustFind(source);
        for (const { tags } of images.values()) tags.delete(target);
        images.get(id)?.tags.add(target);
      }),
    untag: (target) =>
      change(`untag ${target}`, () => {
        for (const { tags, digests } of images.values()) for (const names of [tags, digests]) names.delete(target);
      }),
    saveImage: (_, path) => change('save', () => writeFile(path, '')),
    loadImage: async (path) => {
      throw new DeployError('docker-failed', `${path} is not there`);
    },
    stop: (ids) => change(`stop ${named(ids)}`, () => byIds(ids).forEach((each) => void end(each, 0))),
    kill: (ids) => change(`kill ${named(ids)}`, () => byIds(ids).forEach((each) => void end(each, 137))),
    start: (ids) => change(`start ${named(ids)}`, () => byIds(ids).forEach(startNow)),
    remove: (ids) =>
      change(`remove ${named(ids)}`, () => {
        containers = containers.filter((each) => !ids.includes(each.id));
      }),
    setRestartPolicy: (ids, policy) =>
      change(`restart-policy ${policy} ${named(ids)}`, () => {
        for (const each of byIds(ids)) each.restartPolicy = policy;
      }),
    connect: async () => {},
    disconnect: async () => {},
    logs: async (id) => [`${named([id])} says goodbye`],
    streamLogs: async () => {},
    runHelper: async () => {
      throw new DeployError('docker-failed', 'this engine has no helpers');
    },
    exec: async () => answer(''),
  };

  const compose: ComposeClient = {
    create: (file, services, { recreate }) =>
      change(`create ${services.join(',')}`, () => create(file, services, recreate === 'always')),
    up: (file, services) =>
      change(`up ${services.join(',')}`, async () => {
        await create(file, services, false);
        containers.filter((each) => services.includes(each.service)).forEach(startNow);
      }),
    runOneOff: (_file, service, argv, { operation, environment = {} }) =>
      change(`run ${service}`, () => runHook(argv, { ...environment, [OPERATION_LABEL]: operation })),
    down: () =>
      change('down', () => {
        containers = [];
      }),
  };

  const commands: CommandRunner = {
    async run(argv, { env = {}, input, signal }) {
      signal?.throwIfAborted();
      if (argv[0] !== 'docker') return runHook(argv, env);
      if (argv.includes('--hash')) {
        const { services } = JSON.parse(input ?? '') as ComposeText;
        return answer(
          Object.entries(services)
            .map(([name, service]) => `${name} ${hashOf(service)}`)
            .join('\n'),
        );
      }
      const file = argv[argv.indexOf('--file') + 1] ?? '';
      const text = file === '-' ? (input ?? '') : await readFile(file, 'utf8');
      return argv.includes('--no-interpolate') ? answer(text) : interpolated(text, env);
    },
  };

  const engine: FakeEngine = {
    info: {
      ...{ id: `engine-of-${project}`, version: '29.0.0', architecture: 'linux/amd64', rootDirectory: '/' },
      ...{ rootless: false, local: true, host: '127.0.0.1' },
    },
    ...{ docker, compose, commands, calls, hooksRun, hookExits, behaviours },
    registry: {
      async resolve(reference) {
        const found = published.get(reference);
        if (found === undefined) throw new DeployError('image-not-found', `${reference} is in no registry`);
        return { digest: found.digest, platforms: ['linux/amd64'] };
      },
    },
    interfere: () => {},
    all: () => containers,
    publish(reference) {
      published.set(reference, { id: `sha256:${sha(reference)}`, digest: `sha256:${sha(`digest of ${reference}`)}` });
    },
    hasPulled: take,
    imageId: (reference) => published.get(reference)?.id ?? 'unknown',
  };
  return engine;
};
