import { listBackups } from '../backup/catalogue.ts';
import { listCopies } from '../backup/copies/catalogue.ts';
import { messageOf } from '../errors.ts';
import type { Release } from '../operation/releases.ts';
import type { Context } from './context.ts';
import { lookAtPlace, withPlace } from './places.ts';
import type { RestoreSource } from './plan-rollback.ts';
import { findCopyToPull } from './pull-copy.ts';
import { backupsToPush, preparePush } from './push.ts';
import type { PullRequest, PushRequest } from './requests.ts';
import { backupsToRemove } from './what-to-remove.ts';

/** What a push would copy, a line each. The places are asked. */
export const pushSteps = async (
  context: Context,
  request: PushRequest,
  releases: readonly Release[],
): Promise<readonly string[]> => {
  const { which, places } = await preparePush(context, request);
  const here = await listBackups(context.config.backup.directory);
  const steps: string[] = [];
  for (const place of places) {
    const copies = await withPlace(context, place, listCopies);
    const chosen = backupsToPush(here, copies, place, { which, releases });
    if (chosen.length === 0) steps.push(`${place.name} has it all`);
    for (const { id } of chosen) steps.push(`copy ${id} to ${place.name} (${place.url}), and compare it there`);
  }
  return steps;
};

export const pullSteps = async (context: Context, request: PullRequest): Promise<readonly string[]> => {
  const { entry, place, isHere } = await findCopyToPull(context, request);
  return isHere ? [`${entry.id} is here already`] : [`download ${entry.id} from ${place.name} and verify it`];
};

/** The backup of a place that a restore would bring here first: known by its manifest, for now. */
export const sourceAtPlace = async (context: Context, request: PullRequest): Promise<RestoreSource> => {
  const { entry } = await findCopyToPull(context, request);
  return { name: entry.id, path: entry.path, identityFiles: [], manifest: entry.manifest };
};

export interface PrunePreview {
  readonly remove: readonly string[];
  readonly keep: readonly string[];
  readonly warnings: readonly string[];
}

/** What would become of the copies at each place, with the reason for each. One that can't be reached is a warning. */
export const previewPruneCopies = async (context: Context, kept: readonly Release[]): Promise<PrunePreview> => {
  const found = await Promise.all(
    context.config.backup.copies.map(async (place): Promise<PrunePreview> => {
      try {
        const { keep, remove } = backupsToRemove(await lookAtPlace(context, place), place.keep, kept);
        const line = ({ id, reason }: (typeof keep)[number]): string => `backup ${id} at ${place.name}: ${reason}`;
        return { remove: remove.map(line), keep: keep.map(line), warnings: [] };
      } catch (error) {
        return { remove: [], keep: [], warnings: [messageOf(error)] };
      }
    }),
  );
  return {
    remove: found.flatMap(({ remove }) => remove),
    keep: found.flatMap(({ keep }) => keep),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
};
