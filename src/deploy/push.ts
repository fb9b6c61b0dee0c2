import {
  type BackupEntry,
  isWhole,
  listBackups,
  newestFirst,
  pickBackup,
  type WholeEntry,
} from '../backup/catalogue.ts';
import { type Copies, listCopies } from '../backup/copies/catalogue.ts';
import { copyPins, isThere, pushBackup, sweepCopies } from '../backup/copies/push.ts';
import type { CopyPlace } from '../config/config.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Release } from '../operation/releases.ts';
import type { Context } from './context.ts';
import { type LastPush, rememberPushes } from './copies-record.ts';
import { inOperation, type Session } from './operate.ts';
import { atEachPlace, findPlace, withPlace } from './places.ts';
import type { PushRequest } from './requests.ts';
import type { PushedTo, PushResult } from './results.ts';
import type { OperationScope } from './scope.ts';
import { backupsToRemove } from './what-to-remove.ts';

/**
 * What a place shall get, newest first: one backup, or all that it lacks, or those of them that its own rules would keep. Pure.
 */
export const backupsToPush = (
  here: readonly BackupEntry[],
  copies: Copies,
  place: Pick<CopyPlace, 'keep'>,
  options: { readonly which: PushRequest['which']; readonly releases: readonly Release[] },
): readonly WholeEntry[] => {
  const { which, releases } = options;
  const missing = here.filter(isWhole).filter((entry) => !isThere(entry, copies));
  if (typeof which === 'object') return missing.filter(({ id }) => id === which.id);
  if (which === 'all') return missing;
  const known = new Set(missing.map(({ id }) => id));
  // As it would be with all of them there.
  const all = [...missing, ...copies.entries.filter(({ id }) => !known.has(id))];
  const wanted = new Set(backupsToRemove(newestFirst(all), place.keep, releases).keep.map(({ id }) => id));
  return missing.filter(({ id }) => wanted.has(id));
};

const pushTo = (
  context: Context,
  { operation, releases }: Pick<OperationScope, 'operation' | 'releases'>,
  place: CopyPlace,
  which: PushRequest['which'],
): Promise<PushedTo & { readonly newest: string | null }> =>
  withPlace(context, place, async (store) => {
    const { progress, clock, config } = context;
    const started = clock.monotonic();
    const here = await listBackups(config.backup.directory);
    const copies = await progress.step(`look at ${place.name}`, () => listCopies(store));
    const chosen = backupsToPush(here, copies, place, { which, releases: await releases.list() });
    for (const entry of chosen) {
      const { id, manifest } = entry;
      await progress.step(`copy ${id} to ${place.name}`, (step) =>
        operation.effect('copy.push', { place: place.name, id }, () =>
          pushBackup(store, entry, copies, (bytes) => step.bytes(bytes, manifest.bytes)),
        ),
      );
    }
    const after = chosen.length === 0 ? copies : await listCopies(store);
    await copyPins(store, here, after);
    await sweepCopies(store, after, clock.now());
    const newest = after.entries.find((each) => each.problem === null)?.id ?? null;
    return {
      ...{ place: place.name, url: place.url, newest },
      pushed: chosen.map(({ id, manifest }) => ({ id, bytes: manifest.bytes })),
      elapsedMs: Math.round(clock.monotonic() - started),
    };
  });

/** Copies to each of these places, whatever becomes of the others, and remembers how it went. Then a failure is thrown, if there was one. */
export const pushToPlaces = (
  context: Context,
  scope: OperationScope,
  places: readonly CopyPlace[],
  which: PushRequest['which'],
): Promise<readonly PushedTo[]> => {
  const record: Record<string, LastPush> = {};
  const pushAndRecord = async (place: CopyPlace): Promise<PushedTo> => {
    const at = context.clock.now().toISOString();
    try {
      const { newest, ...pushed } = await pushTo(context, scope, place, which);
      record[place.name] = { at, newest, problem: null };
      return pushed;
    } catch (error) {
      record[place.name] = { at, newest: null, problem: messageOf(error) };
      throw error;
    }
  };
  return atEachPlace(context, places, pushAndRecord, () =>
    rememberPushes(scope.state, context.config.backup.copies, record),
  );
};

const noPlaces = (): DeployError =>
  new DeployError('not-found', 'no place for copies is configured', {
    hint: 'name one under `backup: copies:` in kaleem-deploy.yml: docs/configuration.md',
  });

interface PreparedPush {
  readonly which: PushRequest['which'];
  readonly places: readonly CopyPlace[];
}

/** The request with ids instead of numbers, and the places that are meant. */
export const preparePush = async (
  { config }: Pick<Context, 'config'>,
  { which, place }: PushRequest,
): Promise<PreparedPush> => {
  const places = place === null ? config.backup.copies : [findPlace(config, place)];
  if (places.length === 0) throw noPlaces();
  if (typeof which !== 'object') return { which, places };
  const { directory } = config.backup;
  const found = pickBackup(await listBackups(directory), which.id);
  if (found === undefined) {
    throw new DeployError('not-found', `there is no backup ${which.id} in ${directory}`, {
      hint: 'kaleem-deploy backup list',
    });
  }
  if (isWhole(found)) return { which: { id: found.id }, places };
  throw new DeployError('backup-invalid', `backup ${found.id} is not copied: ${found.problem}`, {
    hint: 'kaleem-deploy backup list shows the others',
  });
};

/** Copies backups to places elsewhere. */
export const push = (session: Session, request: PushRequest): Promise<PushResult> =>
  inOperation(
    session,
    { kind: 'push', subject: ({ places }: PreparedPush) => places.map(({ name }) => name).join(' ') },
    {
      prepare: (context) => preparePush(context, request),
      run: async (context, scope, { which, places }) => ({
        operation: scope.operation.id,
        places: await pushToPlaces(context, scope, places, which),
      }),
    },
  );

/** After a backup was made: it is good whatever becomes of its copies. */
export const pushNew = async (context: Context, scope: OperationScope, id: string): Promise<void> => {
  const { copies } = context.config.backup;
  if (copies.length === 0) return;
  await pushToPlaces(context, scope, copies, 'wanted').catch((error: unknown) => {
    if (context.signal.aborted || !(error instanceof DeployError)) throw error;
    throw new DeployError(error.code, `backup ${id} is made and verified, but not copied: ${error.message}`, {
      cause: error,
      hint: error.hint ?? 'kaleem-deploy backup push',
      details: error.details,
    });
  });
};
