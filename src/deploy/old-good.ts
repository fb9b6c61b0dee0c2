import { hasSameDefinition } from '../compose/create-plan.ts';
import type { ContainerState } from '../compose/engine.ts';
import { dependencyLevels } from '../compose/graph.ts';
import { parseImageReference } from '../compose/image-reference.ts';
import { renderProject, renderText } from '../compose/render.ts';
import type { RenderedProject } from '../compose/rendered.ts';
import { type Roles, workOutRoles } from '../compose/roles.ts';
import { DeployError } from '../errors.ts';
import { currentUser } from '../operation/operations.ts';
import type { Release, ReleaseImage, ReleaseService, ReleaseStore, Snapshot } from '../operation/releases.ts';
import { adoptContainer, type ComposeDocument, keepServices } from './adopt.ts';
import type { Context } from './context.ts';
import { holdTag } from './hold.ts';
import { takeSnapshot } from './snapshot.ts';

/** The release that was live before, with all it takes to bring it back. */
export interface OldGood {
  readonly release: Release;
  readonly snapshot: Snapshot;
  readonly rendered: RenderedProject;
  readonly roles: Roles;
  readonly levels: readonly (readonly string[])[];
  /** False: a stack this tool did not deploy; it is saved as a release once the operation begins. */
  readonly saved: boolean;
  /** Ids of its containers: one that is still there needs no replacing. */
  readonly containers: ReadonlySet<string>;
  /** Services that ran: those, and only those, run again after an undo. */
  readonly running: ReadonlySet<string>;
}

/** The running project must be the one of this folder: two folders with one project name would fight over its containers. */
export const refuseProjectElsewhere = (context: Context, containers: readonly ContainerState[]): void => {
  const { directory, name } = context.project;
  const stranger = containers.find((each) => each.workingDirectory !== '' && each.workingDirectory !== directory);
  if (stranger === undefined) return;
  throw new DeployError(
    'project-elsewhere',
    `project ${name} is already running from ${stranger.workingDirectory}, not from ${directory}`,
    {
      hint: `run this in ${stranger.workingDirectory}, or set \`compose: {project: NAME}\` (COMPOSE_PROJECT_NAME) to another name`,
    },
  );
};

const servicesOf = (containers: readonly ContainerState[]): Readonly<Record<string, ReleaseService>> =>
  Object.fromEntries(containers.map(({ service, image, imageId }) => [service, { image, imageId, heldAs: null }]));

const isOf = (rendered: RenderedProject, container: ContainerState): boolean => {
  const service = rendered.services[container.service];
  return service !== undefined && hasSameDefinition(service, container);
};

type Found = Omit<OldGood, 'running' | 'containers'>;

/** A stored release as a project: which variable an image comes from is known from its record, the text has only values. */
export const renderRelease = async (context: Context, release: Release, text: string): Promise<RenderedProject> => {
  const rendered = await renderText(context.project, context, text);
  const variables = Object.entries(release.services).map(([service, { imageId }]) => [
    service,
    release.images.filter((image) => image.imageId === imageId).map((image) => image.variable),
  ]);
  return { ...rendered, imageVariables: Object.fromEntries(variables) };
};

/** A release by its own record. */
export const storedRelease = async (context: Context, releases: ReleaseStore, release: Release): Promise<Found> => {
  const snapshot = await releases.snapshot(release.id);
  const rendered = await renderRelease(context, release, snapshot.compose);
  const roles = workOutRoles(rendered, context.config);
  return { release, snapshot, rendered, roles, levels: dependencyLevels(rendered.services, null), saved: true };
};

/** The live release's own record. */
const readRecord = async (context: Context, releases: ReleaseStore | null): Promise<Found | null> => {
  const release = (await releases?.live()) ?? null;
  return releases === null || release === null ? null : storedRelease(context, releases, release);
};

/** Whether a container is one that the release would get, whoever made it. */
export const belongsTo = (
  { release, rendered }: Pick<Found, 'release' | 'rendered'>,
  container: ContainerState,
): boolean => isOf(rendered, container) && release.services[container.service]?.imageId === container.imageId;

const isDown = ({ state, health }: ContainerState): boolean => state !== 'running' || health === 'unhealthy';

/**
 * What the running containers' image references say about the release variables. Where the registry could not give a
 * digest back, an undo ran the image by the tag that holds it: then the live release knows what it is called.
 */
export const runningReferences = (
  {
    config,
    project,
  }: { readonly config: Pick<Context['config'], 'images'>; readonly project: { readonly name: string } },
  rendered: Pick<RenderedProject, 'imageVariables'>,
  containers: readonly Pick<ContainerState, 'service' | 'image'>[],
  live: Pick<Release, 'id' | 'images'> | null,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    config.images.flatMap((variable) => {
      const container = containers.find((each) => rendered.imageVariables[each.service]?.includes(variable));
      if (container === undefined) return [];
      const { service, image } = container;
      const isHeld = live !== null && image === holdTag(project.name, live.id, service);
      const known = isHeld ? live.images.find((each) => each.variable === variable) : undefined;
      return [[variable, known?.reference ?? image]];
    }),
  );

/**
 * Rebuilds old-good from the containers that run. The compose file may have been edited since they were created: where
 * a service's definition no longer hashes to what its container carries, the definition is taken from the container.
 */
const fromContainers = async (
  context: Context,
  releases: ReleaseStore | null,
  containers: readonly ContainerState[],
): Promise<Found> => {
  const { project, docker, config } = context;
  const live = (await releases?.live()) ?? null;
  const asWritten = await renderProject(project, context, {});
  const references = runningReferences(context, asWritten, containers, live);
  const candidate = await renderProject(project, context, references);
  const drifted = containers.filter((each) => !isOf(candidate, each));
  const document = JSON.parse(candidate.text) as ComposeDocument;
  const present = new Set(containers.map((each) => each.service));
  const raw = await docker.inspect(drifted.map((each) => each.id));
  for (const [index, each] of drifted.entries()) adoptContainer(document, each.service, raw[index]);
  keepServices(document, present);
  const rendered = await renderText(project, context, JSON.stringify(document));
  const known = {
    ...candidate,
    ...rendered,
    imageVariables: candidate.imageVariables,
    namedVariables: candidate.namedVariables,
  };

  const images = await Promise.all(
    Object.entries(references).map(async ([variable, reference]): Promise<ReleaseImage> => {
      const container = containers.find((each) => candidate.imageVariables[each.service]?.includes(variable));
      const imageId = container?.imageId ?? '';
      const { repository, tag } = parseImageReference(reference);
      const info = await docker.image(imageId);
      const digest = info?.repoDigests.find((each) => each.startsWith(`${repository}@`))?.split('@')[1] ?? null;
      const plain = tag === null ? repository : `${repository}:${tag}`;
      const pinned = digest === null ? reference : `${plain}@${digest}`;
      return { variable, reference: plain, tag: tag ?? 'latest', digest, imageId, pinned };
    }),
  );
  const snapshot = await takeSnapshot(context, rendered);
  const release: Release = {
    id: (await releases?.nextId()) ?? 1,
    tag: images[0]?.tag ?? 'unknown',
    origin: 'adopted',
    images,
    services: servicesOf(containers),
    variables: candidate.namedVariables.filter((name) => (config.environment[name] ?? '') !== ''),
    backup: null,
    status: 'live',
    who: currentUser(),
    at: context.clock.now().toISOString(),
    operation: live?.operation ?? '',
    downtimeMs: null,
    backupDurationMs: null,
  };
  return {
    release,
    snapshot,
    rendered: known,
    roles: workOutRoles(known, config),
    levels: dependencyLevels(known.services, null),
    saved: false,
  };
};

/** Null on a first deploy: nothing of the project is there to go back to. */
export const findOldGood = async (context: Context, releases: ReleaseStore | null): Promise<OldGood | null> => {
  const { docker, project, signal } = context;
  const containers = (await docker.containers(project.name, { all: true, signal })).filter((each) => !each.oneOff);
  refuseProjectElsewhere(context, containers);
  if (containers.length === 0) return null;
  const names = (of: readonly ContainerState[]) => new Set(of.map((each) => each.service));
  const ids = (of: readonly ContainerState[]) => new Set(of.map((each) => each.id));
  const running = names(containers.filter((each) => each.state === 'running'));
  const record = await readRecord(context, releases);
  const strangers = record === null ? containers : containers.filter((each) => !belongsTo(record, each));
  if (record === null || strangers.some((each) => !isDown(each))) {
    // What runs was put there by somebody else, and runs well.
    return { ...(await fromContainers(context, releases, containers)), running, containers: ids(containers) };
  }
  if (strangers.length === 0) return { ...record, running, containers: ids(containers) };
  // What is left of a release that failed is nothing to go back to; the one on record is.
  const own = containers.filter((each) => belongsTo(record, each));
  return { ...record, running: new Set(Object.keys(record.release.services)), containers: ids(own) };
};
