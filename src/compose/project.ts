import type { Config } from '../config/config.ts';
import type { ComposeCall } from './arguments.ts';
import { type ComposeDeps, runConfig } from './config-command.ts';
import { projectEnvironment, toolEnvironment } from './environment.ts';
import { readSources } from './sources.ts';

/** How Compose is called for a project; worked out once, as Compose itself does, and passed on explicitly from then on. */
export interface ComposeProject extends ComposeCall {
  readonly name: string;
  /** For the user's own files: what the docker command needs, and each variable the files name. May hold secrets. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Asks Compose for the project's name (`name:`, the folder, -p) where the config does not say it.
 *
 * @throws DeployError 'compose-invalid' in Compose's own words and naming the files; 'docker-unreachable' when there is no docker or compose
 */
export const openProject = async (
  config: Pick<Config, 'compose' | 'environment'>,
  deps: ComposeDeps,
): Promise<ComposeProject> => {
  const { directory, files, profiles, projectName, envFiles } = config.compose;
  const sources = await readSources(files, directory, config.environment);
  const environment = projectEnvironment(config.environment, directory, sources.complete ? sources.texts : null);
  const call: ComposeCall = { directory, files, profiles, name: projectName, envFiles };
  return { ...call, name: projectName ?? (await askName(call, environment, sources.texts, deps)), environment };
};

const NAME_WITH_VARIABLE = /^["']?name["']?\s*:.*\$/m;

/**
 * As written where that says the name: a required variable that is not set yet must not keep us from knowing it. Not where the
 * name has a variable: Compose makes `app-${STAGE}` the name `app-stage` then.
 */
const askName = async (
  call: ComposeCall,
  environment: Readonly<Record<string, string>>,
  texts: readonly string[],
  deps: ComposeDeps,
): Promise<string> => {
  const what = texts.some((text) => NAME_WITH_VARIABLE.test(text)) ? 'interpolated' : 'as-written';
  const { stdout } = await runConfig(call, what, { environment }, deps);
  return (JSON.parse(stdout) as { readonly name: string }).name;
};

/**
 * The environment for a call with a rendered file. Its values are fixed, but for `configs` and `secrets` that come from a
 * variable, and for `environment: [NAME]` that was not set: the first must be there, the second must not.
 */
export const renderedEnvironment = (
  project: ComposeProject,
  variables: readonly string[],
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(project.environment).filter(([name]) => variables.includes(name))),
  ...toolEnvironment(project.environment, project.directory),
});
