import { assertTag, type ImageReference, parseImageReference, withTag } from '../compose/image-reference.ts';
import { pinImages, readProject, type UnhashedProject, withHashes } from '../compose/render.ts';
import type { RenderedProject } from '../compose/rendered.ts';
import { workOutRoles } from '../compose/roles.ts';
import { DeployError } from '../errors.ts';
import { sideBySide } from '../system/side-by-side.ts';
import type { Context } from './context.ts';
import type { OldGood } from './old-good.ts';
import { comparePlan, type DeployPlan, type PlannedImage } from './plan.ts';
import type { DeployRequest } from './requests.ts';
import { requireServices } from './require-services.ts';

/** The reference a variable has now, in `.env` or the environment. */
const currentReference = (context: Context, variable: string): string => {
  const value = context.config.environment[variable];
  if (value !== undefined && value !== '') return value;
  throw new DeployError('env-invalid', `${variable} is not set`, {
    hint: `set it in ${context.config.compose.envFile}, for example ${variable}=ghcr.io/owner/repo/kaleem-api:v0.0.1`,
  });
};

/** An error about it names the variable. */
const currentImage = (context: Context, variable: string): ImageReference => {
  const text = currentReference(context, variable);
  try {
    return parseImageReference(text);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    const { code, message, hint = '' } = error;
    throw new DeployError(code, `${variable}: ${message}`, { hint, cause: error });
  }
};

/** Release variables with the tags that were asked for. Pure but for errors: 'tag-invalid', 'usage', 'env-invalid'. */
export const plannedReferences = (context: Context, request: DeployRequest): Readonly<Record<string, string>> => {
  assertTag(request.tag);
  const known = context.config.images;
  for (const [variable, tag] of Object.entries(request.images)) {
    assertTag(tag);
    if (known.includes(variable)) continue;
    throw new DeployError('usage', `--image ${variable}=${tag}: ${variable} is not a release variable`, {
      hint: `release variables are ${known.join(', ')}; more are listed under \`images:\` in kaleem-deploy.yml`,
    });
  }
  return Object.fromEntries(
    known.map((variable) => [
      variable,
      withTag(currentImage(context, variable), request.images[variable] ?? request.tag),
    ]),
  );
};

/** Variables that were set when the live release was deployed, or are required, and are not set now: an error. */
const checkVariables = (context: Context, rendered: RenderedProject, old: OldGood | null): readonly string[] => {
  const { required, environment, compose } = context.config;
  const isSet = (name: string) => (environment[name] ?? '') !== '';
  const lost = rendered.namedVariables.filter((name) => old?.release.variables.includes(name));
  const missing = [...new Set([...required, ...lost])].filter((name) => !isSet(name));
  const [first] = missing;
  if (first !== undefined) {
    const why = required.includes(first) ? 'is required' : 'was set in the release that is live';
    throw new DeployError('env-invalid', `${missing.join(', ')} ${why}, and is not set now`, {
      hint: `set it in ${compose.envFile}`,
    });
  }
  return rendered.unsetVariables.map((name) => `${name} is not set: Compose uses an empty string`);
};

/** What was tested elsewhere is what must run: release images are not built here. */
const refuseBuilds = (rendered: UnhashedProject, releaseServices: readonly string[]): void => {
  const built = releaseServices.find((name) => rendered.services[name]?.build);
  if (built === undefined) return;
  throw new DeployError('compose-invalid', `${built} has both a release image and a build section`, {
    hint: `push the image to a registry and remove \`build:\` from ${built}`,
  });
};

const requireKnown = (services: readonly string[], request: DeployRequest): void => {
  const unknown = request.upgrade.find((name) => !services.includes(name));
  if (unknown === undefined) return;
  throw new DeployError('usage', `--upgrade ${unknown}: there is no service of that name`, {
    hint: `services are ${services.join(', ')}`,
  });
};

/** What does not depend on what runs now. */
type Draft = Pick<DeployPlan, 'images' | 'rendered' | 'pinned'>;

const draftDeploy = async (context: Context, request: DeployRequest): Promise<Draft> => {
  const { config, registry, project, signal } = context;
  const references = plannedReferences(context, request);
  const unhashed = await readProject(project, context, references);
  requireKnown(Object.keys(unhashed.services), request);
  requireServices(config, unhashed);
  const { releaseServices } = workOutRoles(unhashed, config);
  refuseBuilds(unhashed, releaseServices);
  const images = await Promise.all(
    Object.entries(references).map(async ([variable, reference]): Promise<PlannedImage> => {
      const services = releaseServices.filter((name) => unhashed.imageVariables[name]?.includes(variable));
      if (services.length === 0) {
        throw new DeployError('compose-invalid', `no service's image uses ${variable}`, {
          hint: `write \`image: \${${variable}}\` in ${config.compose.files[0] ?? 'the compose file'}`,
        });
      }
      const { digest, platforms } = await registry.resolve(reference, signal);
      const tag = parseImageReference(reference).tag ?? request.tag;
      return { variable, reference, tag, digest, pinned: `${reference}@${digest}`, platforms, services };
    }),
  );
  const pins = Object.fromEntries(images.flatMap(({ pinned, services }) => services.map((name) => [name, pinned])));
  const [rendered, pinned] = await sideBySide([
    withHashes(project, context, unhashed),
    pinImages(project, context, unhashed, pins),
  ]);
  return { images, rendered, pinned };
};

/** Works out everything a deploy will do. Reads only: the compose files, the engine, the registry. */
export const planDeploy = async (
  context: Context,
  request: DeployRequest,
  finding: Promise<OldGood | null>,
): Promise<DeployPlan> => {
  const [old, draft] = await sideBySide([finding, draftDeploy(context, request)]);
  const { tag, upgrade, restartAll } = request;
  return comparePlan(context, old, {
    ...{ ...draft, tag, upgrade, restartAll },
    warnings: checkVariables(context, draft.rendered, old),
    ...{ snapshot: null, restore: null, keepsRelease: false, abandonsLive: false },
  });
};
