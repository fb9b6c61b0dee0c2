import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Json } from './json.ts';

// A line: {"version":1,"seq":1,"at":"...","type":"begin","step":"deploy","data":{...},"sum":"0123456789abcdef"}\n
// `version` stands on the first line only. `sum` comes last: it is that of the bytes of the line without it, so that
// every byte counts and nothing depends on how JSON is printed.

/** Of the journal. A change that an older version would misread gets the next number. */
export const JOURNAL_VERSION = 1;

const TYPES = ['begin', 'intent', 'result', 'failure', 'note', 'end'] as const;
export type EntryType = (typeof TYPES)[number];

export interface JournalEntry {
  /** 1 for the first line, without gaps. */
  readonly seq: number;
  /** ISO 8601, wall clock. */
  readonly at: string;
  readonly type: EntryType;
  readonly step: string;
  readonly data: Json;
}

const SUM_START = ',"sum":"';
const SUM_DIGITS = 16;
const TAIL = new RegExp(`^${SUM_START}([0-9a-f]{${SUM_DIGITS}})"}$`);
const TAIL_BYTES = SUM_START.length + SUM_DIGITS + '"}'.length;

const entrySchema = z.strictObject({
  version: z.literal(JOURNAL_VERSION).optional(),
  seq: z.int().positive(),
  at: z.iso.datetime(),
  type: z.enum(TYPES),
  step: z.string(),
  data: z.custom<Json>((value) => value !== undefined),
});

/** The first 64 bits of SHA-256: against accidents, not against a forger. */
const sumOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex').slice(0, SUM_DIGITS);

/** The bytes of an entry's line, newline included. */
export const encodeLine = ({ seq, at, type, step, data }: JournalEntry): Buffer => {
  const version = seq === 1 ? { version: JOURNAL_VERSION } : {};
  const body = Buffer.from(JSON.stringify({ ...version, seq, at, type, step, data }));
  return Buffer.concat([body.subarray(0, -1), Buffer.from(`${SUM_START}${sumOf(body)}"}\n`)]);
};

/** What a line whose checksum is right says, whichever version wrote it; null when it is not a whole line. */
const checkedBody = (line: Buffer): unknown => {
  if (line.length <= TAIL_BYTES) return null;
  const sum = TAIL.exec(line.subarray(-TAIL_BYTES).toString('latin1'))?.[1];
  const body = Buffer.concat([line.subarray(0, -TAIL_BYTES), Buffer.from('}')]);
  if (sum !== sumOf(body)) return null;
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
};

export type Decoded =
  | { readonly is: 'entry'; readonly entry: JournalEntry }
  | { readonly is: 'broken' }
  /** Whole, but not what this version writes. */
  | { readonly is: 'strange'; readonly version: number | null };

/** Reads one line, given without its newline. */
export const decodeLine = (line: Buffer): Decoded => {
  const body = checkedBody(line);
  if (body === null) return { is: 'broken' };
  const parsed = entrySchema.safeParse(body);
  if (!parsed.success) {
    const version = z.object({ version: z.int() }).safeParse(body);
    return { is: 'strange', version: version.success ? version.data.version : null };
  }
  const { version, ...entry } = parsed.data;
  return (version !== undefined) === (entry.seq === 1) ? { is: 'entry', entry } : { is: 'strange', version: null };
};

/**
 * Whether bytes that are no whole line start with one that is, and go on: two lines whose newline is gone. A line that
 * was being written when its writer died never looks like that.
 */
export const startsWithLine = (bytes: Buffer): boolean => {
  for (let at = bytes.indexOf(SUM_START); at !== -1; at = bytes.indexOf(SUM_START, at + 1)) {
    const end = at + TAIL_BYTES;
    if (bytes.length > end + 1 && decodeLine(bytes.subarray(0, end)).is !== 'broken') return true;
  }
  return false;
};
