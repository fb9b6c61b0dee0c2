import type { ComposeClient } from '../compose/compose-client.ts';
import type { Docker, EngineInfo } from '../compose/engine.ts';
import type { ComposeProject } from '../compose/project.ts';
import type { Registry } from '../compose/registry.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../system/clock.ts';
import type { CommandRunner } from '../system/command.ts';
import type { Log } from '../system/log.ts';
import type { Progress } from '../system/progress.ts';
import type { Redactor } from '../system/redact.ts';

/** What every step of an operation stands on: the configuration, the outside world, and somebody to tell. */
export interface Context {
  readonly config: Config;
  readonly project: ComposeProject;
  readonly engine: EngineInfo;
  readonly docker: Docker;
  readonly compose: ComposeClient;
  readonly registry: Registry;
  readonly commands: CommandRunner;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly redactor: Redactor;
  readonly log: Log;
  /** Aborted by Ctrl-C. An undo runs with a context whose signal is never aborted. */
  readonly signal: AbortSignal;
}
