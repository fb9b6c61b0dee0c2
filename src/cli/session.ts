import type { Config } from '../config/config.ts';
import type { App, AppOptions } from '../deploy/app.ts';
import type { Plan } from '../deploy/results.ts';
import type { Clock } from '../system/clock.ts';
import type { LogData, LogLevel } from '../system/log.ts';
import type { Redactor } from '../system/redact.ts';
import { ask, assertConfirmable } from './confirm.ts';
import { exitCodes } from './exit-codes.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';
import { painter } from './render/paint.ts';
import { planLines } from './render/plan.ts';
import { createProgress } from './render/progress.ts';
import type { View } from './render/view.ts';

/** What is behind the command line, loaded when a verb needs it: `--help` and mistakes pay for nothing. */
export interface Parts {
  readonly clock: Clock;
  loadConfig(input: {
    readonly cwd: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly configPath: string | null;
    readonly destination: string | null;
  }): Promise<Config>;
  /** The values of a configuration that must never be shown. */
  collectSecrets(config: Config): Promise<readonly string[]>;
  openApp(options: AppOptions): Promise<App>;
}

/** One run of one verb. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Loads the configuration, once; from then on its secrets are redacted. `extra` goes over the environment. */
  config(extra?: Readonly<Record<string, string>>): Promise<Config>;
  /** A line on stderr, whatever the verbosity, that a live display leaves alone. */
  tell(text: string): void;
  /** Tells the configuration's warnings: before an operation, not each time somebody looks at a log. */
  warnAboutConfig(): Promise<void>;
  withApp<T>(use: (app: App) => Promise<T>): Promise<T>;
  /** The result: the data as it is with --json, else the lines. */
  show(data: unknown, lines: (view: View) => readonly string[]): void;
  /** Throws 'needs-confirmation' when there is no --yes and nobody to ask: the first thing a destructive verb does. */
  assertConfirmable(what: string): void;
  /** Asks unless --yes; not when the plan destroys nothing. */
  confirm(what: string, plan: () => Promise<Plan>): Promise<void>;
  /** The result of --dry-run. */
  showPlan(plan: Plan): void;
}

export interface SessionOptions {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  readonly parts: Parts;
  readonly onConfig: (config: Config) => void;
}

const mirrorTo =
  (output: Output) =>
  (level: LogLevel, message: string, data: LogData): void => {
    const values = Object.entries(data).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    output.say([`    ${level}: ${message}${values.join('')}`]);
  };

export const createSession = ({ io, options, output, redactor, signal, parts, onConfig }: SessionOptions): Session => {
  const { clock } = parts;
  const progress = createProgress(io, output, clock, options);
  let config: Config | null = null;

  const load = async (extra: Readonly<Record<string, string>>): Promise<Config> => {
    const loaded = await parts.loadConfig({
      cwd: io.cwd,
      environment: { ...io.env, ...extra },
      configPath: options.config,
      destination: options.destination,
    });
    for (const secret of await parts.collectSecrets(loaded)) redactor.add(secret);
    onConfig(loaded);
    return loaded;
  };

  const session: Session = {
    io,
    options,
    output,
    clock,
    signal,
    tell: (text) => progress.tell(text),
    async config(extra = {}) {
      config ??= await load(extra);
      return config;
    },
    async warnAboutConfig() {
      for (const warning of (await session.config()).warnings) progress.warn(warning);
    },
    async withApp(use) {
      const loaded = await session.config();
      const { createLog } = await import('../system/log.ts');
      const log = createLog({ redactor, clock, ...(options.verbose ? { mirror: mirrorTo(output) } : {}) });
      const { lockWaitMs } = options;
      const environment = io.env;
      try {
        const app = await parts.openApp({
          config: loaded,
          environment,
          signal,
          progress,
          redactor,
          clock,
          log,
          lockWaitMs,
          exitCodeOf: ({ code }) => exitCodes[code],
        });
        try {
          return await use(app);
        } finally {
          await app.close();
        }
      } finally {
        log.close();
      }
    },
    show(data, lines) {
      if (options.json) output.document(data);
      else output.result(lines({ now: clock.now(), paint: painter(io.stdout, io.env) }));
    },
    assertConfirmable: (what) => assertConfirmable(io, options.yes, what),
    async confirm(what, plan) {
      if (options.yes) return;
      const { destroys } = await plan();
      if (destroys.length > 0) await ask(io, output, signal, { what, destroys });
    },
    showPlan: (plan) => session.show(plan, () => planLines(plan)),
  };
  return session;
};
