import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import type { Config } from '../../../src/config/config.ts';
import type { Context } from '../../../src/deploy/context.ts';
import type { Session } from '../../../src/deploy/operate.ts';
import { DeployError } from '../../../src/errors.ts';
import { type JournalEntry, readJournal } from '../../../src/operation/journal.ts';
import { listOperations, type OperationRecord } from '../../../src/operation/operations.ts';
import { journalOf } from '../../../src/operation/records.ts';
import { openReleases, type Release } from '../../../src/operation/releases.ts';
import { findState } from '../../../src/operation/state.ts';
import { createLog } from '../../../src/system/log.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createFakeEngine, type FakeEngine } from '../../support/fake-engine.ts';

export const API = 'registry.test/shop/api';
const ENV = `# the shop\nAPI_IMAGE=${API}:v1\nCOLOUR=blue\n`;

/** redis <- api (release, 3000) <- worker (release) and web (edge, 80). */
const COMPOSE = {
  services: {
    redis: { image: 'redis:7', restart: 'always' },
    api: {
      ...{ image: '${API_IMAGE}', restart: 'unless-stopped', environment: { COLOUR: '${COLOUR}' } },
      depends_on: { redis: { condition: 'service_started', required: true } },
      ports: [{ target: 3000, published: '3000', protocol: 'tcp' }],
    },
    worker: {
      ...{ image: '${API_IMAGE}', restart: 'on-failure:3', command: ['work'] },
      depends_on: { api: { condition: 'service_healthy', required: true } },
    },
    web: {
      ...{ image: 'nginx:1.27', restart: 'always' },
      depends_on: { api: { condition: 'service_healthy', required: true } },
      ports: [{ target: 80, published: '80', protocol: 'tcp' }],
    },
  },
};

export const RESTART_POLICIES = {
  ...{ api: 'unless-stopped', redis: 'always', web: 'always', worker: 'on-failure:3' },
};

export interface World {
  readonly directory: string;
  readonly envFile: string;
  readonly engine: FakeEngine;
  readonly context: Context;
  readonly session: Session;
  /** What a person was warned of. */
  readonly warnings: readonly string[];
  /** Titles of the steps, in the order they began. */
  readonly steps: readonly string[];
  /** As Ctrl-C does. */
  abort(): void;
  /** From now on nothing can be added to a journal. */
  fillDisk(): void;
  /** The next operation's session: a signal of its own. */
  another(config?: Partial<Config>): Session;
  /** The same once the process of the last one is dead: the kernel has taken its lock away. */
  afterDeath(): Session;
  history(): Promise<readonly OperationRecord[]>;
  journal(): Promise<readonly JournalEntry[]>;
  releases(): Promise<readonly Release[]>;
  env(): Promise<string>;
  /** Service -> `state image-id`, as far as containers are there. */
  running(): Readonly<Record<string, string>>;
  policies(): Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** Memory, where there is some: every step of an operation is fsynced, and a disk would be most of the time. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const configOf = (directory: string, overrides: Partial<Config>): Config => ({
  ...{ app: null, destination: null, configFiles: [] },
  compose: {
    ...{ directory, files: [join(directory, 'compose.yml')], projectName: null, profiles: [] },
    ...{ envFile: join(directory, '.env'), envFiles: [join(directory, '.env')] },
  },
  environment: { API_IMAGE: `${API}:v1`, COLOUR: 'blue', PATH: '/usr/bin', HOME: '/root' },
  ...{ images: ['API_IMAGE'], required: [], order: null, writers: null, edge: null },
  fence: { mode: 'stop', retryAfterSeconds: 30 },
  gates: { before: [], after: [] },
  attempts: { attempts: 3, intervalMs: 1000 },
  ...{ stabilityMs: 3000, init: [], hooks: {}, database: null },
  backup: {
    directory: join(directory, 'backups'),
    keep: { last: 3, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null },
    compression: 1,
    beforeDeploy: 'auto',
    encryption: null,
    copies: [],
  },
  notify: [],
  agent: {
    ...{ timeZone: 'UTC', jitterMs: 0, catchUp: true, watchReleaseMs: 600_000, diskFullPercent: 99 },
    schedules: { backup: ['0 3 * * *'], verify: [], drill: [], prune: [], watch: [] },
  },
  ...{
    keepReleases: 2,
    stateDirectory: join(directory, '.kaleem'),
    registries: [],
    secrets: [],
    hosts: {},
    warnings: [],
  },
  ...overrides,
});

/**
 * A project in a folder of its own and an engine in memory, with v1, v2 and v3 in the registry.
 *
 * @param options.ports - that api and web are published on; 3000 and 80 unless told
 * @param options.running - v1 was started by somebody's `docker compose up`
 */
export const createWorld = async (
  options: {
    readonly running?: boolean;
    readonly config?: Partial<Config>;
    readonly ports?: { readonly api: number; readonly web: number };
  } = {},
): Promise<World> => {
  const directory = await mkdtemp(join(ROOT, 'kaleem-deploy-'));
  const name = basename(directory).toLowerCase();
  const envFile = join(directory, '.env');
  const { api = 3000, web = 80 } = options.ports ?? {};
  const composeText = JSON.stringify({ name, ...COMPOSE })
    .replaceAll('"published":"3000"', `"published":"${api}"`)
    .replaceAll('"published":"80"', `"published":"${web}"`);
  await writeFile(join(directory, 'compose.yml'), composeText);
  await writeFile(envFile, ENV);
  const engine = createFakeEngine({ project: name, directory });
  for (const reference of [`${API}:v1`, `${API}:v2`, `${API}:v3`, 'redis:7', 'nginx:1.27']) engine.publish(reference);
  for (const reference of [`${API}:v1`, 'redis:7', 'nginx:1.27']) engine.hasPulled(reference);
  if (options.running !== false) {
    const rendered = composeText.replaceAll('${API_IMAGE}', `${API}:v1`).replaceAll('${COLOUR}', 'blue');
    const file = join(directory, 'by-hand.json');
    await writeFile(file, rendered);
    await engine.compose.up(file, ['redis', 'api', 'worker', 'web'], { recreate: 'changed' });
    await rm(file);
  }
  const warnings: string[] = [];
  const steps: string[] = [];
  const time = createFakeClock();
  let full = false;
  // The journal asks for the time right before it writes.
  const now = () => {
    if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return time.now();
  };
  const clock = { ...time, now };
  const redactor = createRedactor();
  const progress: Context['progress'] = {
    step: (title, run) => {
      steps.push(title);
      return run({ detail() {}, bytes() {}, summary() {} });
    },
    note() {},
    warn: (text) => void warnings.push(text),
  };
  let deaths = 0;
  let controller = new AbortController();
  let log = createLog({ redactor, clock: time });
  const open = (overrides: Partial<Config>): Session & { readonly world: Context } => {
    controller = new AbortController();
    log.close();
    log = createLog({ redactor, clock: time });
    const config = configOf(directory, { ...options.config, ...overrides });
    const { profiles, files, envFiles } = config.compose;
    const base = { config, commands: engine.commands, clock, progress, redactor, log, signal: controller.signal };
    const world: Context = {
      ...{
        ...base,
        engine: { ...engine.info, id: `${engine.info.id} ${deaths}` },
        docker: engine.docker,
        compose: engine.compose,
        registry: engine.registry,
      },
      project: { name, directory, files, profiles, envFiles, environment: config.environment },
    };
    const exitCodeOf = (error: DeployError) => exitCodes[error.code];
    return {
      options: { ...base, environment: config.environment, lockWaitMs: 0, requestId: null, exitCodeOf },
      context: async () => world,
      world,
    };
  };
  const first = open({});
  const state = () => findState(join(directory, '.kaleem'));
  const history = async () => {
    const found = await state();
    return found === null ? [] : listOperations(found);
  };
  return {
    ...{ directory, envFile, engine, context: first.world, session: first, warnings, steps, history },
    abort: () => controller.abort(new DeployError('interrupted', 'interrupted')),
    fillDisk: () => {
      full = true;
    },
    another: (overrides = {}) => {
      full = false;
      return open(overrides);
    },
    afterDeath: () => {
      deaths += 1;
      return open({});
    },
    async journal() {
      const [found, [newest]] = await Promise.all([state(), history()]);
      if (found === null || newest === undefined) throw new Error('there was no operation');
      return (await readJournal(journalOf(found, newest.id))).entries;
    },
    async releases() {
      const found = await state();
      return found === null ? [] : openReleases(found).list();
    },
    env: () => readFile(envFile, 'utf8'),
    running: () => Object.fromEntries(engine.all().map((each) => [each.service, `${each.state} ${each.imageId}`])),
    policies: () => Object.fromEntries(engine.all().map((each) => [each.service, each.restartPolicy])),
    async remove() {
      log.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

/** All of them up, api and worker from this tag. */
export const allRunning = ({ engine }: World, tag: string): Readonly<Record<string, string>> => {
  const api = `running ${engine.imageId(`${API}:${tag}`)}`;
  const others = {
    redis: `running ${engine.imageId('redis:7')}`,
    web: `running ${engine.imageId('nginx:1.27')}`,
  };
  return { ...others, api, worker: api };
};

/** What a call rejects with, which must be a DeployError. */
export const failureOf = async (call: Promise<unknown>): Promise<DeployError> => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeployError) return error;
  throw error ?? new Error('it did not fail');
};
