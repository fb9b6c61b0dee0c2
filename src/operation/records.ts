import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JournalEntry } from './journal.ts';
import { endsOfJournal, scanJournal } from './journal-read.ts';
import { OPERATION_KINDS, type OperationKind, OUTCOMES, type Outcome } from './operation.ts';
import type { StateDirectory } from './state.ts';
import { damaged } from './state-error.ts';

/** What an operation's journal says about it as a whole. */
export interface OperationRecord {
  readonly id: string;
  readonly sequence: number;
  readonly kind: OperationKind;
  /** The tag of a deploy or rollback, the backup of a restore, ... */
  readonly subject: string;
  readonly who: string;
  /** The name that whoever asked has for it; null: none. */
  readonly requestId: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  /** Null: it runs, or it died. */
  readonly outcome: Outcome | null;
  /** Null: it never had one. */
  readonly exitCode: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
}

const DIRECTORY = /^(\d{6,})-[0-9a-f]{4}$/;

const beginSchema = z.object({
  step: z.enum(OPERATION_KINDS),
  data: z.object({ subject: z.string(), who: z.string(), requestId: z.string().nullable().default(null) }),
});

const endSchema = z.object({
  step: z.enum(OUTCOMES),
  data: z.object({
    exitCode: z.int().nullable(),
    durationMs: z.number().nullable(),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
  }),
});

export const journalOf = (state: StateDirectory, id: string): string => join(state.operations, id, 'journal.jsonl');

const orMissing =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };

/** The ids of all operations' directories with their sequence numbers, newest first. */
export const operationIds = async (
  state: StateDirectory,
): Promise<readonly { readonly id: string; readonly sequence: number }[]> => {
  const names = await readdir(state.operations).catch(orMissing<string[]>([]));
  return names
    .flatMap((id) => {
      const digits = DIRECTORY.exec(id)?.[1];
      return digits === undefined ? [] : [{ id, sequence: Number(digits) }];
    })
    .sort((a, b) => b.sequence - a.sequence || (a.id < b.id ? 1 : -1));
};

/** Null: the journal has no whole line. The process died before it had begun, so it changed nothing. */
const recordOf = (
  path: string,
  { id, sequence }: Pick<OperationRecord, 'id' | 'sequence'>,
  entries: readonly JournalEntry[],
): OperationRecord | null => {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return null;
  const begin = beginSchema.safeParse(first);
  if (!begin.success) throw damaged(path, 'its first entry does not say which operation began');
  const { step: kind, data: about } = begin.data;
  const record = { id, sequence, kind, ...about, startedAt: first.at };
  if (last.type !== 'end') {
    return { ...record, endedAt: null, durationMs: null, outcome: null, exitCode: null, error: null };
  }
  const end = endSchema.safeParse(last);
  if (!end.success) throw damaged(path, 'its last entry does not say how the operation ended');
  return { ...record, endedAt: last.at, outcome: end.data.step, ...end.data.data };
};

/** The last one of its kind that has ended or was recovered; `records` newest first. */
export const lastEnded = (records: readonly OperationRecord[], kind: OperationKind): OperationRecord | null =>
  records.find((record) => record.kind === kind && record.outcome !== null) ?? null;

/**
 * Every operation there was, newest first.
 *
 * @throws DeployError 'halted-earlier' when the journal of one that is not over is damaged, naming file and line
 */
export const listOperations = async (state: StateDirectory): Promise<readonly OperationRecord[]> => {
  const records: OperationRecord[] = [];
  for (const { id, sequence } of await operationIds(state)) {
    const path = journalOf(state, id);
    const bytes = await readFile(path).catch(orMissing(Buffer.alloc(0)));
    const entries = endsOfJournal(bytes) ?? scanJournal(path, bytes).entries;
    const record = recordOf(path, { id, sequence }, entries);
    if (record !== null) records.push(record);
  }
  return records;
};
