import { posix } from 'node:path';
import type { Database } from '../../backup/connection.ts';
import type { ContainerState } from '../../compose/engine.ts';
import type { DeployPlan } from '../plan.ts';
import type { SnapshotPart } from './record.ts';

const DEFAULT_PATH = '/data/db';

/** Where the server says its files are, in its container; where it does not say, where its image has them. */
export const dataPath = async (database: Database, signal?: AbortSignal): Promise<string> => {
  try {
    const { parsed } = await database.run('admin', { getCmdLineOpts: 1 }, { signal });
    const path: unknown = parsed?.storage?.dbPath;
    return typeof path === 'string' && posix.isAbsolute(path)
      ? posix.normalize(path).replace(/(.)\/$/, '$1')
      : DEFAULT_PATH;
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { code?: unknown }).code === undefined) throw error;
    return DEFAULT_PATH;
  }
};

/** Members of its replica set; 1 where there is none. */
export const memberCount = async (database: Database, signal?: AbortSignal): Promise<number> => {
  const { hosts = [], passives = [], arbiters = [] } = await database.run('admin', { hello: 1 }, { signal });
  return Math.max(1, [hosts, passives, arbiters].flat().length);
};

const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/**
 * The mounts that hold what lies in `path`, and where in them it begins; a text: why there can't be a snapshot of them. Pure.
 */
export const dataParts = (
  { mounts }: Pick<ContainerState, 'mounts'>,
  path: string,
): readonly Omit<SnapshotPart, 'digest'>[] | string => {
  const innermost = mounts
    .filter(({ destination }) => isInside(path, destination))
    .toSorted((a, b) => b.destination.length - a.destination.length)[0];
  if (innermost === undefined) return `its data folder ${path} is in no volume`;
  const within = mounts.filter(({ destination }) => destination !== path && isInside(destination, path));
  const parts: Omit<SnapshotPart, 'digest'>[] = [];
  for (const mount of [innermost, ...within]) {
    const { type, name, source, destination, writable } = mount;
    if (type !== 'volume' && type !== 'bind') return `${destination} is a mount of type ${type}`;
    if (!writable) return `${destination} is mounted read-only`;
    const below = mount === innermost ? posix.relative(destination, path) : '';
    parts.push({ type, source: type === 'volume' ? (name ?? '') : source, below });
  }
  return parts;
};

/** Why this plan's database can't be secured by a snapshot, as far as the plan and its container tell; null: it may be. Pure. */
export const planObstacle = (
  { old, restore }: Pick<DeployPlan, 'old' | 'restore'>,
  containers: readonly Pick<ContainerState, 'state'>[],
): string | null => {
  if (old === null) return 'there is no earlier release to go back to';
  if (restore !== null) return 'a backup is restored, for which what is there now must be kept as a backup';
  if (containers.length === 0) return 'the database is not a service of this project';
  if (containers.length > 1) return 'its service has several containers';
  return containers[0]?.state === 'running' ? null : 'it does not run';
};
