import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '../errors.ts';
import { replaceFile } from '../system/durable-file.ts';
import type { OperationKind } from './operation.ts';
import { listOperations, type OperationRecord } from './records.ts';
import type { StateDirectory } from './state.ts';

/**
 * Kinds that change nothing a visitor meets: neither containers nor the live database nor the firewall, whose death can
 * therefore not leave the project between two versions. A backup leaves a partial file at most, a prune less to prune, a pin
 * nothing, a drill a database of its own.
 * Whoever gives one of them such an effect must take it out of this list.
 */
const HARMLESS: readonly OperationKind[] = ['backup', 'prune', 'pin', 'drill'];

const resolvedFile = (state: StateDirectory, id: string): string => join(state.operations, id, 'resolved');

/** Whether a person has said that what runs now is right (`recover --accept`). */
const isResolved = async (state: StateDirectory, { id }: OperationRecord): Promise<boolean> =>
  (await stat(resolvedFile(state, id)).catch(() => null)) !== null;

/** From now on the operation counts as over, whatever its journal says. `by`: who says so. */
export const markResolved = (state: StateDirectory, id: string, by: string): Promise<void> =>
  replaceFile(resolvedFile(state, id), `${by}\n`);

/**
 * The operations that have no end, or halted, and that nobody has accepted; newest first. One that runs right now looks
 * the same as one that died: whoever does not hold the lock asks it first.
 */
export const unfinishedOperations = async (state: StateDirectory): Promise<readonly OperationRecord[]> => {
  const open: OperationRecord[] = [];
  for (const record of await listOperations(state)) {
    const { outcome } = record;
    if ((outcome === null || outcome === 'halted') && !(await isResolved(state, record))) open.push(record);
  }
  return open;
};

/** The unfinished ones that may have left the project between two versions. */
export const openOperations = async (state: StateDirectory): Promise<readonly OperationRecord[]> =>
  (await unfinishedOperations(state)).filter(({ kind, outcome }) => outcome === 'halted' || !HARMLESS.includes(kind));

/** An operation as a person knows it. */
export const operationName = ({ id, kind, subject, who, startedAt }: OperationRecord): string =>
  `operation ${id} (${[kind, subject].filter(Boolean).join(' ')}, by ${who}, ${startedAt})`;

const described = (record: OperationRecord): string =>
  record.outcome === 'halted'
    ? `${operationName(record)} halted: ${record.error?.message ?? 'neither version could be brought up'}`
    : `${operationName(record)} died before it ended, perhaps between two versions`;

/** Refuses to go on after an operation that halted: a person must ask for its recovery. */
export const refuseWhileHalted = async (state: StateDirectory): Promise<void> => {
  const [newest, ...older] = (await openOperations(state)).filter(({ outcome }) => outcome === 'halted');
  if (newest === undefined) return;
  throw new DeployError('halted-earlier', described(newest), {
    hint: 'kaleem-deploy recover',
    details: older.map(described),
  });
};

/** Refuses to begin beside an operation that has no end. */
export const refuseWhileOpen = async (state: StateDirectory): Promise<void> => {
  const [newest] = await openOperations(state);
  if (newest !== undefined)
    throw new DeployError('halted-earlier', described(newest), { hint: 'kaleem-deploy recover' });
};
