import { type BackupEntry, isWhole, listBackups } from '../backup/catalogue.ts';
import type { CopyPlace } from '../config/config.ts';
import { DeployError, messageOf } from '../errors.ts';
import type { Context } from './context.ts';
import { countNewer } from './copies-record.ts';
import { lookAtPlace } from './places.ts';

/** What a check says when it is well; it throws when it is not, and returns a warning as an object. */
export type Finding = string | { readonly warning: string; readonly hint: string };

const isWarning = (finding: Finding): finding is Exclude<Finding, string> => typeof finding !== 'string';

const checkPlace = async (context: Context, place: CopyPlace, here: readonly BackupEntry[]): Promise<Finding> => {
  const there = await lookAtPlace(context, place);
  const newest = there.find(isWhole)?.id ?? null;
  const behind = countNewer(here, newest);
  const bad = there.find((each) => each.manifest !== null && each.problem !== null);
  const holds = `${place.name} ${newest === null ? 'holds none yet' : `has ${newest}`}`;
  if (bad !== undefined) {
    return {
      warning: `${place.name}: ${bad.id}: ${bad.problem}`,
      hint: `kaleem-deploy backup list --copy ${place.name}`,
    };
  }
  return behind === 0 ? holds : { warning: `${holds}; ${behind} newer here`, hint: 'kaleem-deploy backup push' };
};

/** Asks every place for copies. One that can't be reached fails the check, whatever the others say. */
export const checkPlaces = async (context: Context): Promise<Finding> => {
  const { copies, directory } = context.config.backup;
  if (copies.length === 0) return 'none configured: the backups are on this host alone';
  const here = await listBackups(directory);
  const results = await Promise.allSettled(copies.map((place) => checkPlace(context, place, here)));
  const failures = results.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  if (failures.length > 0) {
    const [first] = failures;
    throw new DeployError('copy-failed', failures.map(messageOf).join('; '), {
      ...(first instanceof DeployError && first.hint !== undefined ? { hint: first.hint } : {}),
    });
  }
  const findings = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const text = findings.map((each) => (isWarning(each) ? each.warning : each)).join('; ');
  const warning = findings.find(isWarning);
  return warning === undefined ? text : { warning: text, hint: warning.hint };
};
