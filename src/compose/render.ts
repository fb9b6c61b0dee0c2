import { readFile } from 'node:fs/promises';
import type { ComposeSpecification } from 'docker-compose';
import { DeployError, messageOf } from '../errors.ts';
import { type ComposeDeps, runConfig } from './config-command.ts';
import { serviceHashes } from './hashes.ts';
import { type ParsedProject, parseRendered } from './parse-rendered.ts';
import type { ComposeProject } from './project.ts';
import type { RenderedProject } from './rendered.ts';
import { readSources } from './sources.ts';
import { variableNames } from './variables.ts';

/**
 * The user's files as Compose understands them. What comes out is complete: `up` from it, in whichever folder it is stored,
 * gives containers with the same hash as `docker compose up` by hand.
 *
 * @param overrides - variables and the values they are to have instead of the environment's
 * @throws DeployError 'compose-invalid', 'docker-unreachable'
 */
export const renderProject = async (
  project: ComposeProject,
  deps: ComposeDeps,
  overrides: Readonly<Record<string, string>> = {},
): Promise<RenderedProject> => withHashes(project, deps, await readProject(project, deps, overrides));

/** A rendered project that has no hashes yet: Compose must be started once more for them. */
export type UnhashedProject = Omit<RenderedProject, 'services'> &
  Pick<ParsedProject, 'services' | 'sourceVariables'> &
  Pick<ComposeProject, 'environment'>;

/** The same without the hashes. */
export const readProject = async (
  project: ComposeProject,
  deps: ComposeDeps,
  overrides: Readonly<Record<string, string>> = {},
): Promise<UnhashedProject> => {
  const environment = { ...project.environment, ...overrides };
  const [interpolated, asWritten, sources] = await Promise.all([
    runConfig(project, 'interpolated', { environment }, deps),
    runConfig(project, 'as-written', { environment }, deps),
    readSources(project.files, project.directory, environment),
  ]);
  return {
    ...parseRendered(interpolated.stdout),
    ...{ text: interpolated.stdout, environment },
    imageVariables: imageVariables(asWritten.stdout),
    unsetVariables: unsetVariables(interpolated.stderr),
    namedVariables: [...new Set(sources.texts.flatMap(variableNames))],
  };
};

/** @throws DeployError 'compose-invalid', 'docker-unreachable' */
export const withHashes = async (
  project: ComposeProject,
  deps: ComposeDeps,
  { sourceVariables, environment, ...unhashed }: UnhashedProject,
): Promise<RenderedProject> => {
  const hashes = await serviceHashes({ ...project, environment }, unhashed.text, sourceVariables, deps);
  const services = Object.entries(unhashed.services).map(([key, service]) => {
    const found = hashes[key];
    if (found === undefined) throw new DeployError('compose-invalid', `docker compose config gave no hash for ${key}`);
    return [key, { ...service, ...found }];
  });
  return { ...unhashed, services: Object.fromEntries(services) };
};

/**
 * A document that was rendered before (a release's snapshot), with its hashes. What only the user's own files can tell
 * (`imageVariables`, `unsetVariables`, `namedVariables`) is empty.
 *
 * @throws DeployError 'compose-invalid', 'docker-unreachable'
 */
export const renderText = async (
  project: ComposeProject,
  deps: ComposeDeps,
  text: string,
): Promise<RenderedProject> => {
  const { environment } = project;
  const unknown = { imageVariables: {}, unsetVariables: [], namedVariables: [] };
  return withHashes(project, deps, { ...parseRendered(text), ...unknown, text, environment });
};

/** The same for a file. */
export const renderFile = async (
  project: ComposeProject,
  deps: ComposeDeps,
  path: string,
): Promise<RenderedProject> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new DeployError('compose-invalid', `can't read ${path}: ${messageOf(error)}`, { cause: error });
  });
  return renderText(project, deps, text);
};

/** The project with other images for some services, hashes included. An unknown service is a bug of the caller. */
export const pinImages = async (
  project: ComposeProject,
  deps: ComposeDeps,
  rendered: Omit<RenderedProject, 'services'>,
  images: Readonly<Record<string, string>>,
): Promise<RenderedProject> => {
  const document = JSON.parse(rendered.text) as ComposeSpecification;
  for (const [name, image] of Object.entries(images)) {
    const service = document.services?.[name];
    if (service === undefined) throw new DeployError('bug', `an image was pinned for ${name}, which is no service`);
    service.image = image;
  }
  const { imageVariables, unsetVariables, namedVariables } = rendered;
  const pinned = await renderText(project, deps, JSON.stringify(document));
  return { ...pinned, imageVariables, unsetVariables, namedVariables };
};

const imageVariables = (json: string): RenderedProject['imageVariables'] => {
  const document = JSON.parse(json) as ComposeSpecification;
  return Object.fromEntries(
    Object.entries(document.services ?? {}).map(([name, { image }]) => [name, variableNames(image ?? '')]),
  );
};

/** Compose logs `The "NAME" variable is not set. Defaulting to a blank string.`, once for each place that names it. */
export const unsetVariables = (stderr: string): readonly string[] => [
  ...new Set([...stderr.matchAll(/The \\?"([^"\\]+)\\?" variable is not set/g)].map(([, name]) => name ?? '')),
];
