import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../errors.ts';
import { type JournalOptions, resumeJournal } from './journal.ts';
import type { OperationKind } from './operation.ts';
import { journalOf, listOperations, type OperationRecord } from './records.ts';
import type { StateDirectory } from './state.ts';

/**
 * Kinds that change nothing a visitor meets: neither containers nor the live database nor the firewall, whose death can
 * therefore not leave the project between two versions. A backup leaves a partial file at most, a prune less to prune.
 * Whoever gives one of them such an effect must take it out of this list.
 */
const HARMLESS: readonly OperationKind[] = ['backup', 'prune'];

/**
 * Whether a person has looked at an operation that died or halted, brought the project to one version by hand, and said
 * so by creating the file `<state>/operations/<id>/resolved`. What is in it does not matter; why and who, say.
 */
const isResolved = async (state: StateDirectory, { id }: OperationRecord): Promise<boolean> =>
  (await stat(join(state.operations, id, 'resolved')).catch(() => null)) !== null;

const isOpen = ({ outcome }: OperationRecord): boolean => outcome === null || outcome === 'halted';

const isHarmless = ({ kind, outcome }: OperationRecord): boolean => outcome === null && HARMLESS.includes(kind);

/**
 * The operations that died or halted and may have left the project between two versions, newest first; the next
 * operation is refused while there is one. An operation that runs right now looks the same as one that died: whoever
 * does not hold the lock asks it first.
 */
export const openOperations = async (state: StateDirectory): Promise<readonly OperationRecord[]> => {
  const open: OperationRecord[] = [];
  for (const record of await listOperations(state)) {
    if (isOpen(record) && !isHarmless(record) && !(await isResolved(state, record))) open.push(record);
  }
  return open;
};

const described = ({ id, kind, subject, who, startedAt, outcome, error }: OperationRecord): string => {
  const name = `operation ${id} (${[kind, subject].filter(Boolean).join(' ')}, by ${who}, ${startedAt})`;
  return outcome === 'halted'
    ? `${name} halted: ${error?.message ?? 'neither version could be brought up'}`
    : `${name} died before it ended, perhaps between two versions`;
};

/** Refuses to begin while an earlier operation is open. */
export const refuseWhileOpen = async (state: StateDirectory): Promise<void> => {
  const [newest, ...older] = await openOperations(state);
  if (newest === undefined) return;
  throw new DeployError('halted-earlier', described(newest), {
    hint: [
      'look: kaleem-deploy status',
      'docker compose ps --all',
      `cat ${journalOf(state, newest.id)}`,
      `once one version runs whole: touch ${join(state.operations, newest.id, 'resolved')}`,
    ].join('; '),
    details: older.map(described),
  });
};

/** Writes the end of harmless operations that died. Call it with the lock held: else they may well be alive. */
export const endHarmless = async (state: StateDirectory, options: JournalOptions): Promise<void> => {
  for (const record of (await listOperations(state)).filter(isHarmless)) {
    const journal = await resumeJournal(journalOf(state, record.id), options);
    try {
      await journal.append('end', 'failed', {
        exitCode: null,
        durationMs: null,
        error: { code: 'interrupted', message: `the process of this ${record.kind} died`, hint: null },
      });
    } finally {
      await journal.close();
    }
  }
};
