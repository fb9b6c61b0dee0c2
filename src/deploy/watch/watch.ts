import type { NotifyEvent } from '../../config/notifier.ts';
import { DeployError, messageOf } from '../../errors.ts';
import { findState, openState } from '../../operation/state.ts';
import { readMaintenance } from '../maintenance-record.ts';
import type { Session } from '../operate.ts';
import { type Telling, telling } from '../telling.ts';
import { lookAtBackups } from './backups.ts';
import { lookAtDisks } from './disk.ts';
import { lookAtGates } from './gates.ts';
import type { Look } from './look.ts';
import { type Known, readKnown, WATCHED, type Watched, writeKnown } from './record.ts';

export interface WatchFinding {
  readonly what: Watched;
  readonly status: Look['status'];
  readonly detail: string;
  /** What to do about it. */
  readonly hint: string | null;
  /** Since when it is bad, ISO 8601; null: it is not. */
  readonly since: string | null;
}

export interface WatchReport {
  /** False when something is bad; what was skipped leaves it true. */
  readonly ok: boolean;
  readonly findings: readonly WatchFinding[];
}

/** How long until somebody is told again of what is still bad. */
const REMIND_MS = 24 * 3_600_000;

const events: Readonly<Record<Watched, NotifyEvent>> = {
  gates: 'unhealthy',
  backups: 'backup-overdue',
  disk: 'disk-nearly-full',
};

/** What is known after a look, and what is to be told of it. */
export const compare = (
  what: Watched,
  look: Look,
  known: Known[Watched],
  now: Date,
): { readonly known: Known[Watched]; readonly tell: NotifyEvent | null } => {
  if (look.status === 'skipped') return { known, tell: null };
  if (look.status === 'ok') return { known: undefined, tell: known === undefined ? null : 'well-again' };
  const at = now.toISOString();
  const due = known === undefined || now.getTime() - Date.parse(known.toldAt) >= REMIND_MS;
  return due ? { known: { since: known?.since ?? at, toldAt: at }, tell: events[what] } : { known, tell: null };
};

const unlessBroken = async (session: Session, look: () => Promise<Look>): Promise<Look> => {
  try {
    return await look();
  } catch (error) {
    session.options.signal.throwIfAborted();
    const hint = error instanceof DeployError ? (error.hint ?? null) : null;
    return { status: 'bad', detail: messageOf(error), hint };
  }
};

const lookAround = async (session: Session, told: Telling): Promise<WatchReport> => {
  const { config, clock, progress } = session.options;
  const state = await findState(config.stateDirectory);
  const known = await readKnown(state);
  const looks: Readonly<Record<Watched, () => Promise<Look>>> = {
    gates: async () => lookAtGates(session, (await readMaintenance(state)) !== null),
    backups: () => lookAtBackups(session.options),
    disk: () => lookAtDisks(session, known.disk !== undefined),
  };
  const findings: WatchFinding[] = [];
  const next: Partial<Record<Watched, NonNullable<Known[Watched]>>> = {};
  for (const what of WATCHED) {
    const look = await unlessBroken(session, looks[what]);
    const { known: after, tell } = compare(what, look, known[what], clock.now());
    if (after !== undefined) next[what] = after;
    const hint = look.status === 'bad' ? look.hint : null;
    findings.push({ what, status: look.status, detail: look.detail, hint, since: after?.since ?? null });
    const { detail } = look;
    if (tell === 'well-again')
      told.found({ event: tell, state: 'succeeded', summary: `${what}: ${detail}`, error: null });
    else if (tell !== null) {
      const error = { code: 'check-failed', message: `${what}: ${detail}`, hint } as const;
      told.found({ event: tell, state: 'failed', summary: null, error });
    }
  }
  if (JSON.stringify(next) !== JSON.stringify(known)) {
    await openState(config.stateDirectory)
      .then((opened) => writeKnown(opened, next))
      .catch((error: unknown) =>
        progress.warn(`it will be told again, for it could not be noted: ${messageOf(error)}`),
      );
  }
  return { ok: findings.every(({ status }) => status !== 'bad'), findings };
};

const problemOf = ({ findings }: WatchReport): DeployError | null => {
  const bad = findings.filter(({ status }) => status === 'bad');
  if (bad.length === 0) return null;
  return new DeployError('check-failed', bad.map(({ what, detail }) => `${what}: ${detail}`).join('; '));
};

/**
 * Looks once whether all is well: gates, the age of the newest good backup, disks. Tells when something turns bad, once a day as
 * long as it is, and when it is well again. Changes nothing else.
 */
export const watch = (session: Session): Promise<WatchReport> =>
  telling(session, { kind: 'watch', subject: '', job: 'watch', problemOf }, (told) => lookAround(session, told));
