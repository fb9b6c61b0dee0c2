import type { Config } from '../config/config.ts';
import type { App, AppOptions } from '../deploy/app.ts';
import type { Clock } from '../system/clock.ts';
import type { LogData, LogLevel } from '../system/log.ts';
import type { Progress } from '../system/progress.ts';
import type { Redactor } from '../system/redact.ts';
import { exitCodes } from './exit-codes.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';

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

/** The configuration and the app, as one run of one verb sees them: in the front, or in the runner. */
export interface Workspace {
  /** Loads the configuration, once; from then on its secrets are redacted. `extra` goes over the environment. */
  config(extra?: Readonly<Record<string, string>>): Promise<Config>;
  /** Tells the configuration's warnings: before an operation, not each time somebody looks at a log. */
  warnAboutConfig(): Promise<void>;
  withApp<T>(use: (app: App) => Promise<T>): Promise<T>;
}

export interface WorkspaceOptions {
  readonly io: Pick<Io, 'env' | 'cwd'>;
  readonly options: Pick<GlobalOptions, 'config' | 'destination' | 'lockWaitMs' | 'requestId'>;
  readonly progress: Progress;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  readonly parts: Parts;
  /** Where the lines of the debug log go as well; null: nowhere. */
  readonly mirror: ((line: string) => void) | null;
  readonly onConfig: (config: Config) => void;
}

const logLine = (level: LogLevel, message: string, data: LogData): string => {
  const values = Object.entries(data).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  return `    ${level}: ${message}${values.join('')}`;
};

export const openWorkspace = (given: WorkspaceOptions): Workspace => {
  const { io, options, progress, redactor, signal, parts, mirror, onConfig } = given;
  const { clock } = parts;
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

  const workspace: Workspace = {
    async config(extra = {}) {
      config ??= await load(extra);
      return config;
    },
    async warnAboutConfig() {
      for (const warning of (await workspace.config()).warnings) progress.warn(warning);
    },
    async withApp(use) {
      const loaded = await workspace.config();
      const { createLog } = await import('../system/log.ts');
      const log = createLog({
        redactor,
        clock,
        ...(mirror === null ? {} : { mirror: (...entry) => mirror(logLine(...entry)) }),
      });
      try {
        const app = await parts.openApp({
          ...{ config: loaded, environment: io.env, signal, progress, redactor, clock, log },
          ...{ lockWaitMs: options.lockWaitMs, requestId: options.requestId },
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
  };
  return workspace;
};
