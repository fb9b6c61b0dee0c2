import { readFile } from 'node:fs/promises';
import { listBackups } from '../backup/catalogue.ts';
import { renderProject } from '../compose/render.ts';
import { workOutRoles } from '../compose/roles.ts';
import { checkGatesOnce } from '../health/poll.ts';
import { readLockHolder } from '../operation/lock.ts';
import { lastEnded, listOperations, openOperations } from '../operation/operations.ts';
import { listReleases, openReleases, type Release } from '../operation/releases.ts';
import { lookAtRunner } from '../operation/runner/follower.ts';
import { runtimeFolders, thisUser } from '../operation/runner/runtime-folder.ts';
import { connectToRunner } from '../operation/runner/socket.ts';
import { findState, type StateDirectory } from '../operation/state.ts';
import type { Context } from './context.ts';
import { copyStatuses } from './copies-record.ts';
import { gateSpecs, openGates } from './gates.ts';
import { readMaintenance } from './maintenance-record.ts';
import type { Session } from './operate.ts';
import type {
  CopyStatus,
  FenceStatus,
  HealthReport,
  ImageStatus,
  LockStatus,
  RunningOperation,
  ServiceStatus,
  StatusReport,
} from './results.ts';
import { projectContainers } from './writers.ts';

export const lockStatus = async (context: Context): Promise<LockStatus> => {
  return readLockHolder({ engineId: context.engine.id, project: context.project.name });
};

const readFence = async (state: StateDirectory | null): Promise<FenceStatus | null> => {
  const byHand = await readMaintenance(state);
  if (byHand !== null) return { operation: byHand.operation, since: byHand.since };
  const text = state === null ? '' : await readFile(state.file('fence.json'), 'utf8').catch(() => '');
  return text === '' ? null : (JSON.parse(text) as FenceStatus);
};

const serviceStatuses = async (context: Context, live: Release | null): Promise<readonly ServiceStatus[]> => {
  const containers = await projectContainers(context);
  const found = containers.map(
    (each): ServiceStatus => ({
      ...{ service: each.service, container: each.name, state: each.state, health: each.health },
      ...{ image: each.image, imageId: each.imageId, startedAt: each.startedAt, restartCount: each.restartCount },
      asReleased: live === null || live.services[each.service]?.imageId === each.imageId,
    }),
  );
  const present = new Set(found.map((each) => each.service));
  const absent = Object.keys(live?.services ?? {}).filter((service) => !present.has(service));
  return [
    ...found,
    ...absent.map((service) => ({
      ...{ service, container: null, state: 'absent', health: null, image: live?.services[service]?.image ?? null },
      ...{ imageId: null, startedAt: null, restartCount: 0, asReleased: false },
    })),
  ].sort((a, b) => a.service.localeCompare(b.service));
};

/** A runner that takes longer is stopped. */
const LOOK_MS = 1_000;

const runningOperation = async ({ holder }: LockStatus, { options }: Session): Promise<RunningOperation | null> => {
  if (holder === null || holder.runner === null) return null;
  const user = thisUser(options.environment);
  const channel = await connectToRunner(runtimeFolders(user), user.uid, holder.runner);
  const state = channel === null ? null : await lookAtRunner(channel, LOOK_MS);
  if (state === null) return null;
  const { kind, elapsedMs, aborting, steps } = state;
  return { operation: holder.operation, kind, elapsedMs, aborting, steps };
};

const copiesOf = async ({ config }: Context, state: StateDirectory | null): Promise<readonly CopyStatus[]> => {
  const { copies, directory } = config.backup;
  return copies.length === 0 ? [] : copyStatuses(state, copies, await listBackups(directory));
};

/** What is live, whether it is well, and what happened last. Reads only. */
export const status = async (session: Session): Promise<StatusReport> => {
  const context = await session.context();
  const { config, project } = context;
  const state = await findState(config.stateDirectory);
  const live = state === null ? null : await openReleases(state).live();
  const lock = await lockStatus(context);
  const [services, operations, open, running] = await Promise.all([
    serviceStatuses(context, live),
    state === null ? [] : listOperations(state),
    state === null ? [] : openOperations(state),
    runningOperation(lock, session),
  ]);
  return {
    ...{ project: project.name, app: config.app, destination: config.destination, live, services, lock },
    fence: await readFence(state),
    running,
    lastOperation: operations[0] ?? null,
    lastDrill: lastEnded(operations, 'drill'),
    copies: await copiesOf(context, state),
    // One that runs right now looks the same as one that died.
    unfinished: open.find((each) => each.id !== lock.holder?.operation) ?? null,
    warnings: services
      .filter((each) => !each.asReleased && each.state !== 'absent')
      .map((each) => `${each.service} does not run the image of the live release: it was changed by hand`),
  };
};

export const images = async (session: Session): Promise<readonly ImageStatus[]> => {
  const releases = await listReleases(session.options.config.stateDirectory);
  const { docker } = await session.context();
  return Promise.all(
    releases.flatMap((release) =>
      release.images.map(async ({ variable, reference, digest, imageId }): Promise<ImageStatus> => {
        const info = await docker.image(imageId);
        return {
          ...{
            release: release.id,
            tag: release.tag,
            live: release.status === 'live',
            variable,
            reference,
            digest,
            imageId,
          },
          ...{ present: info !== null, sizeBytes: info?.sizeBytes ?? null },
        };
      }),
    ),
  );
};

/** Every gate once, against what runs now. */
export const health = async (session: Session): Promise<HealthReport> => {
  const context = await session.context();
  const { config, project, clock, signal } = context;
  const state = await findState(config.stateDirectory);
  const live = state === null ? null : await openReleases(state).live();
  const rendered = await renderProject(project, context, {});
  const { releaseServices } = workOutRoles(rendered, config);
  const planned = releaseServices.map((service) => [service, live?.services[service]?.imageId ?? null] as const);
  const expected = { imageIds: Object.fromEntries(planned), running: Object.keys(live?.services ?? rendered.services) };
  const gates = await openGates(context, gateSpecs(context, config.gates.after, expected.running), expected);
  const reports = await checkGatesOnce(gates, { clock, signal });
  return { ok: reports.every((report) => report.ok), gates: reports };
};
