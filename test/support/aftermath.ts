import { join } from 'node:path';
import { listBackups } from '../../src/backup/catalogue.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import { messageOf } from '../../src/errors.ts';
import { listOperations, unfinishedOperations } from '../../src/operation/operations.ts';
import { openReleases } from '../../src/operation/releases.ts';
import { findState } from '../../src/operation/state.ts';
import type { Outcome } from './command.ts';
import { type Good, judge } from './oracle.ts';
import type { Stack } from './stack.ts';

/** Exit codes that say what is live: the old release, and that a person, or `recover`, must act. */
const REFUSED_OR_UNDONE = [10, 12, 20, 30, 31, 130];
const OPEN = [21, 22];
const RECOVERIES = 2;
/** Complaints about one run; what is badly broken is broken in many places. */
const MOST = 8;

const problemsOf = async (look: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  try {
    return await look();
  } catch (error) {
    return [messageOf(error)];
  }
};

/** What of the state and the backups can't be read, or is not what was written. Empty: nothing. */
export const damageIn = (stack: Stack): Promise<readonly string[]> =>
  problemsOf(async () => {
    const problems: string[] = [];
    const state = await findState(join(stack.directory, '.kaleem'));
    if (state !== null) {
      await listOperations(state);
      const releases = openReleases(state);
      await releases.live();
      for (const { id } of await releases.list()) await releases.snapshot(id);
    }
    for (const { id, path, problem } of await listBackups(join(stack.directory, 'backups'))) {
      if (problem !== null) problems.push(`backup ${id}: ${problem}`);
      else problems.push(...(await problemsOf(() => verifyBackup(path).then(() => []))));
    }
    return problems;
  });

/** Whether an operation has no end, one of a harmless kind included. */
const isOpen = async (stack: Stack): Promise<boolean> => {
  const state = await findState(join(stack.directory, '.kaleem'));
  return state !== null && (await unfinishedOperations(state)).length > 0;
};

/** How a command ended; `killed`: the test ended it, so that its exit code says nothing. */
type Ending = Pick<Outcome, 'stderr'> & { readonly code: number | 'killed' };

const said = ({ code, stderr }: Ending): string => `exit ${code}: ${stderr.trim().split('\n').slice(-6).join(' / ')}`;

export interface Settled {
  /** Whether `recover` was needed. */
  readonly recovered: boolean;
  /** Empty: it ended as it should. The first says how the command ended. */
  readonly violations: readonly string[];
}

/**
 * Judges how a command ended that something went wrong for: 0 only with all of it done, a code that says "as before" only with
 * everything as before; otherwise it is left to `recover`, which must reach one of the two.
 */
export const settle = async (
  stack: Stack,
  outcome: Ending,
  { old, new: next }: { readonly old: Good; readonly new: Good | null },
): Promise<Settled> => {
  const open = await isOpen(stack).catch(() => true);
  const complaints: string[] = [];
  const complain = (text: string): void => {
    complaints.push(text);
  };
  const failed = outcome.code !== 0 && outcome.code !== 'killed';
  if (failed && ![...REFUSED_OR_UNDONE, ...OPEN].includes(Number(outcome.code))) {
    complain('the exit code says nothing that helps');
  }
  if (failed && !/^error: /m.test(outcome.stderr)) complain('no error is told');
  if (open && outcome.code === 0) complain('a silent success: the operation is open');
  if (open || outcome.code === 'killed') {
    let recovery = await stack.run('recover');
    // On a busy machine even a good version may miss its time: recover is made to be typed again.
    for (let more = 0; recovery.code === 22 && more < RECOVERIES; more += 1) recovery = await stack.run('recover');
    if (recovery.code !== 0) complain(`recover: ${said(recovery)}`);
  }
  const verdict = await judge(stack, { old, new: next });
  for (const violation of verdict.violations) complain(`after ${open ? 'recover' : 'the command'}: ${violation}`);
  if (outcome.code === 0 && next !== null && verdict.is === 'old-good') complain('a silent success: nothing was done');
  if (!open && failed && verdict.is === 'new-good') complain('it failed, and yet the new version is live');
  for (const damage of await damageIn(stack)) complain(damage);
  return { recovered: open, violations: complaints.length === 0 ? [] : [said(outcome), ...complaints.slice(0, MOST)] };
};
