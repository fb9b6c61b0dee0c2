import { readFile } from 'node:fs/promises';
import type { CommandResult } from '../system/command.ts';
import { withFailpoints } from '../system/failpoints/around.ts';
import { markerEnvironment } from '../system/marker.ts';
import { downArguments, renderedCall, runArguments, type UpArguments, upArguments } from './arguments.ts';
import type { ComposeDeps } from './config-command.ts';
import { planCreate, type Recreate } from './create-plan.ts';
import type { Abortable, Docker } from './engine.ts';
import { commandFailed } from './failure.ts';
import { OPERATION_LABEL } from './labels.ts';
import { parseRendered } from './parse-rendered.ts';
import { type ComposeProject, renderedEnvironment } from './project.ts';
import { renderFile } from './render.ts';

/** Compose on a rendered file. Nothing is ever built or pulled, and no service is touched but those named. */
export interface ComposeClient {
  /** Containers made (and replaced, per `recreate`) but not started. Volumes, anonymous ones too, go over to the new container. */
  create(
    file: string,
    services: readonly string[],
    options: Abortable & { readonly recreate: Recreate },
  ): Promise<void>;
  /** The same, and started. Does not wait for health. */
  up(file: string, services: readonly string[], options: Abortable & { readonly recreate: Recreate }): Promise<void>;
  /**
   * `docker compose run --rm`: a container of its own, on the service's networks, labelled with the operation, and gone at
   * the end, after an abort or a timeout too. Values of `environment` don't show in any argv.
   */
  runOneOff(
    file: string,
    service: string,
    argv: readonly string[],
    options: Abortable & {
      readonly operation: string;
      readonly timeoutMs: number;
      readonly environment?: Readonly<Record<string, string>>;
      readonly onLine?: (line: string) => void;
    },
  ): Promise<CommandResult>;
  /** Removes the project's containers and networks; volumes stay. */
  down(file: string, options?: Abortable): Promise<void>;
}

const UP_MS = 10 * 60_000;

export const openComposeClient = (
  project: ComposeProject,
  deps: Pick<ComposeDeps, 'commands'> & { readonly docker: Docker },
): ComposeClient => {
  const { commands, docker } = deps;

  const environmentFor = async (file: string) =>
    renderedEnvironment(project, parseRendered(await readFile(file, 'utf8')).sourceVariables);

  const run = async (
    what: string,
    file: string,
    args: readonly string[],
    options: Abortable & { readonly timeoutMs: number },
  ) => {
    const { timeoutMs, signal } = options;
    const result = await commands.run(args, {
      ...{ env: await environmentFor(file), cwd: project.directory, timeoutMs },
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.exitCode !== 0) throw commandFailed(what, result);
  };

  const up = (file: string, options: UpArguments, abortable: Abortable) =>
    run(
      `${options.start ? 'start' : 'create'} ${options.services.join(', ')}`,
      file,
      upArguments(renderedCall(project, file), options),
      { timeoutMs: UP_MS, ...abortable },
    );

  const create: ComposeClient['create'] = async (file, services, { recreate, signal }) => {
    if (services.length === 0) return;
    const [rendered, containers] = await Promise.all([
      renderFile(project, { commands, signal }, file),
      docker.containers(project.name, { all: true, signal }),
    ]);
    const references = [...new Set(Object.values(rendered.services).map(({ image }) => image))];
    const found = await Promise.all(references.map((reference) => docker.image(reference, { signal })));
    const imageIds = new Map(references.map((reference, at) => [reference, found[at]?.id ?? null]));
    for (const call of planCreate({ rendered, services, recreate, containers, imageIds })) {
      await up(file, { start: false, ...call }, { signal });
    }
  };

  /** What an ended `docker compose run` may have left: ending the command does not always end its container. */
  const removeOneOffs = async (operation: string, service: string): Promise<void> => {
    const containers = await docker.containers(project.name, { all: true });
    const left = containers.filter(
      (each) => each.oneOff && each.service === service && each.labels[OPERATION_LABEL] === operation,
    );
    await docker.remove(left.map(({ id }) => id));
  };

  const client: ComposeClient = {
    create,
    async up(file, services, { recreate, signal }) {
      if (services.length === 0) return;
      await create(file, services, { recreate, signal });
      // They are as they should be now; dependencies are the caller's, who starts them in order.
      await up(file, { start: true, dependencies: false, recreate: 'never', services }, { signal });
    },

    down: (file, options = {}) =>
      run('remove the containers', file, downArguments(renderedCall(project, file)), { timeoutMs: UP_MS, ...options }),

    async runOneOff(file, service, argv, { operation, timeoutMs, environment = {}, signal, onLine }) {
      const labels = { [OPERATION_LABEL]: operation };
      const args = runArguments(renderedCall(project, file), {
        service,
        argv,
        labels,
        variables: Object.keys({ ...environment, ...markerEnvironment() }),
      });
      try {
        return await commands.run(args, {
          ...{ env: { ...(await environmentFor(file)), ...environment }, cwd: project.directory, timeoutMs },
          ...(signal === undefined ? {} : { signal }),
          ...(onLine === undefined ? {} : { onLine }),
        });
      } finally {
        await removeOneOffs(operation, service);
      }
    },
  };
  return withFailpoints('compose', client, ['create', 'up', 'runOneOff', 'down']);
};
