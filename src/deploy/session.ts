import { setMaxListeners } from 'node:events';
import { openComposeClient } from '../compose/compose-client.ts';
import { openDocker } from '../compose/docker.ts';
import { withEngineApi } from '../compose/engine-api.ts';
import { openProject } from '../compose/project.ts';
import { openRegistry } from '../compose/registry.ts';
import { systemCommands } from '../system/command.ts';
import type { AppOptions } from './app-options.ts';
import type { Context } from './context.ts';
import type { Session } from './operate.ts';

const connect = async (options: AppOptions): Promise<Context> => {
  const { config, clock, progress, redactor, log, signal } = options;
  const commands = systemCommands;
  // Whatever runs side by side listens for the end.
  setMaxListeners(0, signal);
  const { environment, registries } = config;
  const docker = withEngineApi(openDocker({ commands, clock, environment, registries }), { commands, environment });
  const [project, engine] = await Promise.all([openProject(config, { commands, signal }), docker.info({ signal })]);
  return {
    ...{ config, project, engine, docker, commands, clock, progress, redactor, log, signal },
    compose: openComposeClient(project, { commands, docker }),
    registry: openRegistry({ commands, clock, config, environment }),
  };
};

/** Connects to the engine when the first verb asks for it, and once. */
export const openSession = (options: AppOptions): Session => {
  let context: Promise<Context> | null = null;
  return {
    options,
    context() {
      context ??= connect(options);
      return context;
    },
  };
};
