import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RenderedProject } from '../compose/rendered.ts';
import type { workOutRoles } from '../compose/roles.ts';
import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { createFile, syncDirectory } from '../system/durable-file.ts';
import { releaseVariables, type StarterFacts, starterConfig } from './render/starter-config.ts';
import type { Session } from './session.ts';
import { type DefineVerb, examples } from './verb.ts';

type WorkOutRoles = typeof workOutRoles;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** What a deploy sets when nothing says otherwise. */
const DEFAULT_IMAGE = 'KALEEM_API_IMAGE';

/** An application with other variables has nothing to load yet: what is missing is what init is going to write. */
const loadLeniently = async (session: Session): Promise<Config> => {
  try {
    return await session.config();
  } catch (error) {
    if (!(error instanceof DeployError) || error.code !== 'env-invalid' || session.io.env[DEFAULT_IMAGE]) throw error;
    return session.config({ [DEFAULT_IMAGE]: 'kaleem-api:none' });
  }
};

const factsOf = (config: Config, rendered: RenderedProject, workOutRoles: WorkOutRoles): StarterFacts => {
  const { environment } = config;
  const named = [...new Set(Object.values(rendered.imageVariables).flat())];
  const images = releaseVariables(named, environment, DEFAULT_IMAGE);
  const roles = workOutRoles(rendered, { ...config, images });
  const ports = [...roles.edge, ...roles.writers].flatMap((service) => rendered.services[service]?.ports ?? []);
  return {
    images,
    defaultImages: [DEFAULT_IMAGE],
    writers: roles.writers,
    edge: roles.edge,
    healthUrl: environment.HEALTH_URL || null,
    publishedPort: ports.find(({ protocol }) => protocol === 'tcp')?.published ?? null,
    keepLast: config.backup.keep.last,
    keepReleases: config.keepReleases,
  };
};

const compose = async (session: Session, config: Config): Promise<string> => {
  const [{ systemCommands }, { openProject }, { renderProject }, { workOutRoles }] = await Promise.all([
    import('../system/command.ts'),
    import('../compose/project.ts'),
    import('../compose/render.ts'),
    import('../compose/roles.ts'),
  ]);
  const deps = { commands: systemCommands, signal: session.signal };
  const rendered = await renderProject(await openProject(config, deps), deps);
  return starterConfig(factsOf(config, rendered, workOutRoles));
};

const refuse = (path: string): never => {
  throw new DeployError('usage', `${path} is there already, and init never overwrites it`, {
    hint: 'edit it, or move it away; kaleem-deploy config shows how it is understood',
  });
};

const init = async (session: Session): Promise<undefined> => {
  const { config: configPath, destination, dryRun } = session.options;
  const path = join(session.io.cwd, 'kaleem-deploy.yml');
  if (configPath !== null || destination !== null) {
    throw new DeployError(
      'usage',
      'init writes kaleem-deploy.yml in this folder: it takes no --config, no --destination',
      {
        hint: 'run it in the folder of the compose file',
      },
    );
  }
  if (await exists(path)) refuse(path);
  const text = await compose(session, await loadLeniently(session));
  if (dryRun) {
    session.show({ path, written: false, text }, () => text.trimEnd().split('\n'));
    return undefined;
  }
  // A file that came between is not overwritten either.
  await createFile(path, text).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return refuse(path);
    throw new DeployError('config-invalid', `${path} cannot be written: ${error.message}`, { cause: error });
  });
  await syncDirectory(session.io.cwd);
  session.show({ path, written: true, text }, () => [
    `wrote ${basename(path)}`,
    'next:',
    '  kaleem-deploy doctor            check this host',
    '  kaleem-deploy <tag> --dry-run   see what a deploy would do',
    '  kaleem-deploy <tag>             deploy',
  ]);
  return undefined;
};

export const defineInit: DefineVerb = (program, schedule) => {
  const command = program
    .command('init')
    .description('write kaleem-deploy.yml from the compose file in this folder')
    .addHelpText(
      'after',
      examples([
        ['init --dry-run', 'print it'],
        ['init', 'write it; an existing one is never overwritten'],
      ]),
    );
  command.action(() =>
    schedule({
      ...{ command, interruption: 'ends', job: init },
      elsewhere: {
        type: 'here-only',
        why: 'init writes a file that is to be looked over and kept beside the compose file',
        hint: 'type it in the folder of the compose file',
      },
    }),
  );
};
