import { EventEmitter } from 'node:events';
import { duplexPair, PassThrough } from 'node:stream';
import type { Io } from '../../../src/cli/io.ts';
import { main } from '../../../src/cli/program.ts';
import { runRunner } from '../../../src/cli/runner.ts';
import type { RunnerLauncher } from '../../../src/cli/runner-link.ts';
import type { Parts } from '../../../src/cli/workspace.ts';
import type { Config } from '../../../src/config/config.ts';
import type { App, AppOptions } from '../../../src/deploy/app.ts';
import type { Clock } from '../../../src/system/clock.ts';

/** Time that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves time and lets whoever waited for it run. */
  advance(ms: number): Promise<void>;
}

export const NOW = new Date('2026-03-01T12:00:00.000Z');

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

export const manualClock = (): ManualClock => {
  let elapsed = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => new Date(NOW.getTime() + elapsed),
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = {
          at: elapsed + ms,
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            sleepers.delete(sleeper);
            resolve();
          },
        };
        const onAbort = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        sleepers.add(sleeper);
      }),
    async advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        await settle();
        const next = [...sleepers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        elapsed = next.at;
        next.wake();
      }
      elapsed = end;
      await settle();
    },
  };
};

/** A stream that keeps what is written. */
export const memory = (terminal: { readonly isTTY?: boolean; readonly columns?: number } = {}) => {
  const written: string[] = [];
  return {
    ...terminal,
    write: (text: string) => {
      written.push(text);
      return true;
    },
    on: () => undefined,
    text: () => written.join(''),
  };
};

export const config = (overrides: Partial<Config> = {}): Config => ({
  app: null,
  destination: null,
  configFiles: [],
  compose: {
    directory: '/srv/kaleem',
    files: ['/srv/kaleem/docker-compose.yml'],
    projectName: null,
    profiles: [],
    envFile: '/srv/kaleem/.env',
    envFiles: [],
  },
  environment: {},
  images: ['KALEEM_API_IMAGE'],
  required: [],
  order: null,
  writers: null,
  edge: null,
  fence: { mode: 'auto', retryAfterSeconds: 5 },
  gates: { before: [], after: [] },
  attempts: { attempts: 10, intervalMs: 20_000 },
  stabilityMs: 3_000,
  init: [],
  hooks: {},
  database: null,
  backup: {
    directory: '/srv/kaleem/backups',
    keep: { last: 7, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null },
    compression: 6,
    beforeDeploy: 'auto',
    encryption: null,
    copies: [],
  },
  keepReleases: 5,
  stateDirectory: '/srv/kaleem/.kaleem',
  registries: [],
  agent: {
    ...{ timeZone: 'UTC', jitterMs: 0, catchUp: true, watchReleaseMs: 600_000, diskFullPercent: 90 },
    schedules: { backup: [], verify: [], drill: [], prune: [], watch: [] },
  },
  notify: [],
  secrets: [],
  hosts: {},
  warnings: [],
  ...overrides,
});

/** An app with these methods; any other that is called fails the test. */
export const appOf = (methods: Partial<App>): App =>
  new Proxy({ close: async () => {}, ...methods } as App, {
    get(target, name) {
      const method = Reflect.get(target, name) as unknown;
      // `then` is asked for by await.
      if (method !== undefined || name === 'then') return method;
      throw new Error(`the test did not expect app.${String(name)}`);
    },
  });

/** Runners in this process, that nobody but their front can follow. */
export const runnersInProcess = (parts: Parts): RunnerLauncher => ({
  async startRunner(kind, io) {
    const [front, runner] = duplexPair();
    const listen = async () => () => {};
    const gone = runRunner(runner, { kind, io, parts, listen, signals: new EventEmitter() }).then(() => {
      runner.destroy();
      return { exitCode: 0, complaint: '' };
    });
    return { marker: '0123456789abcdef', channel: front, gone };
  },
  connectToRunner: async () => null,
});

export interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly app?: Partial<App> | ((options: AppOptions) => Partial<App>);
  readonly config?: Config | Error;
  readonly secrets?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Everything is a terminal. */
  readonly terminal?: boolean;
  /** What is typed at a question; null: the end of the input. */
  readonly typed?: string | null;
  readonly signals?: EventEmitter;
  readonly move?: Io['move'];
  readonly clock?: Clock;
  readonly parts?: Partial<Parts & RunnerLauncher>;
}

/** `main` in-process. Without `app` and `config`, loading anything fails the test. */
export const run = async (argv: readonly string[], options: RunOptions = {}): Promise<Run> => {
  const { terminal = false, typed } = options;
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal });
  if (typed === null) stdin.end();
  else if (typed !== undefined) stdin.write(typed);
  const tty = terminal ? { isTTY: true, columns: 80 } : {};
  const stdout = memory(tty);
  const stderr = memory(tty);
  const io: Io = {
    stdin,
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: options.cwd ?? '/nowhere',
    signals: options.signals ?? new EventEmitter(),
    move: options.move ?? (() => {}),
  };
  const parts: Parts = {
    clock: options.clock ?? manualClock(),
    loadConfig: async () => {
      if (options.config instanceof Error) throw options.config;
      if (options.config === undefined && options.app === undefined) throw new Error('the configuration was loaded');
      return options.config ?? config();
    },
    collectSecrets: async () => options.secrets ?? [],
    openApp: async (given) => {
      if (options.app === undefined) throw new Error('the app was opened');
      return appOf(typeof options.app === 'function' ? options.app(given) : options.app);
    },
    ...options.parts,
  };
  const exitCode = await main(argv, io, { ...runnersInProcess(parts), ...parts });
  return { exitCode, out: stdout.text(), err: stderr.text() };
};
