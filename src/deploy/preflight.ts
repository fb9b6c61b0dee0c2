import type { ContainerState } from '../compose/engine.ts';
import { DeployError } from '../errors.ts';
import type { StateDirectory } from '../operation/state.ts';
import { diskSpace } from '../system/disk.ts';
import { checkServerIdentity } from './backup-keys.ts';
import type { Context } from './context.ts';
import { checkIdentity, type DatabaseIdentity, dataBytes, identify, withDatabase } from './database.ts';
import type { DeployPlan } from './plan.ts';

/** Room that a dump and the staging of a restore may need, as a multiple of the data. */
const HEADROOM = 2.5;
/** An image that is not here yet is taken to be this large when no earlier one tells. */
const UNKNOWN_IMAGE_BYTES = 300_000_000;

interface Need {
  readonly path: string;
  readonly bytes: number;
  readonly what: string;
}

const inMegabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** Adds up what is needed on each file system, and refuses before anything is touched when one has too little. */
export const requireDisk = async (needs: readonly Need[]): Promise<void> => {
  const spaces = await Promise.all(needs.map(async (need) => ({ need, space: await diskSpace(need.path) })));
  const devices = new Map<number, { free: number; needs: Need[] }>();
  for (const { need, space } of spaces) {
    const device = devices.get(space.device) ?? { free: space.freeBytes, needs: [] };
    device.needs.push(need);
    devices.set(space.device, device);
  }
  for (const { free, needs: all } of devices.values()) {
    const needed = all.reduce((sum, need) => sum + need.bytes, 0);
    if (needed <= free) continue;
    const parts = all.map((need) => `${inMegabytes(need.bytes)} for ${need.what}`).join(', ');
    throw new DeployError(
      'disk-full',
      `not enough disk at ${all[0]?.path}: ${inMegabytes(free)} free, ${inMegabytes(needed)} needed (${parts})`,
      {
        hint: 'free some space: `kaleem-deploy prune` removes old releases, images and backups',
      },
    );
  }
};

/** The container that the database's URI leads to; null when the database is elsewhere, or was never started. */
export const databaseContainer = (
  { roles }: DeployPlan,
  containers: readonly ContainerState[],
): ContainerState | null => containers.find((each) => each.service === roles.database) ?? null;

/** Sizes of the images that must still be pulled, judged by those that run now. */
const missingImageBytes = async (context: Context, plan: DeployPlan): Promise<number> => {
  const sizes = await Promise.all(
    plan.images.map(async ({ pinned, variable }) => {
      if ((await context.docker.image(pinned)) !== null) return 0;
      const before = plan.old?.release.images.find((each) => each.variable === variable);
      const known = before === undefined ? null : await context.docker.image(before.imageId);
      return known?.sizeBytes ?? UNKNOWN_IMAGE_BYTES;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

const requireArchitecture = (context: Context, plan: DeployPlan): void => {
  const { architecture } = context.engine;
  for (const { reference, platforms } of plan.images) {
    // An image index may name a variant that the engine leaves out (linux/arm64/v8).
    if (
      platforms.length === 0 ||
      platforms.some((platform) => platform === architecture || platform.startsWith(`${architecture}/`))
    )
      continue;
    throw new DeployError(
      'wrong-architecture',
      `${reference} is built for ${platforms.join(', ')}, and this host is ${architecture}`,
      {
        hint: `build and push it for ${architecture} too`,
      },
    );
  }
};

/** What preflight found out about the database; null when it does not run yet or there is none. */
export interface DatabaseFacts {
  readonly identity: DatabaseIdentity;
  /** Bytes of its documents. */
  readonly dataBytes: number;
}

const lookAtDatabase = async (
  context: Context,
  plan: DeployPlan,
  state: StateDirectory | null,
  containers: readonly ContainerState[],
): Promise<DatabaseFacts | null> => {
  if (context.config.database === null) return null;
  const container = databaseContainer(plan, containers);
  if (plan.roles.database !== null && container?.state !== 'running') return null;
  return withDatabase(context, async (database) => {
    const identity = await identify(database, container);
    if (state !== null) await checkIdentity(state, identity);
    return { identity, dataBytes: await dataBytes(database) };
  });
};

/**
 * Everything that can be known to fail before anything is touched: architecture, the key to encrypted backups, the
 * database's reach and identity, disk. Reads only.
 */
export const preflight = async (
  context: Context,
  plan: DeployPlan,
  state: StateDirectory | null,
  containers: readonly ContainerState[],
  lastBackupBytes: number | null,
): Promise<DatabaseFacts | null> => {
  requireArchitecture(context, plan);
  const { config, engine } = context;
  await checkServerIdentity(config);
  const database = await lookAtDatabase(context, plan, state, containers);
  const dumpBytes = (lastBackupBytes ?? database?.dataBytes ?? 0) * HEADROOM;
  const stagedBytes = (database?.dataBytes ?? 0) * HEADROOM + (plan.restore?.needsBytes ?? 0);
  const volume = databaseContainer(plan, containers)?.mounts[0]?.source;
  await requireDisk([
    { path: config.backup.directory, bytes: dumpBytes, what: 'the backup and an aside copy' },
    ...(engine.local
      ? [
          { path: engine.rootDirectory, bytes: await missingImageBytes(context, plan), what: 'images' },
          { path: volume ?? engine.rootDirectory, bytes: stagedBytes, what: 'a restore of the database' },
        ]
      : []),
  ]);
  return database;
};
