import type { Job, NotifyEvent } from '../config/notifier.ts';
import type { ErrorCode } from '../errors.ts';
import { oneLine } from '../health/detail.ts';
import type { OperationKind } from '../operation/operation.ts';
import type { Redactor } from '../system/redact.ts';

export type NewsKind = OperationKind | 'recover' | 'verify' | 'watch' | 'test';

/** One thing to tell. A webhook gets it as JSON, so names stay once released. */
export interface News {
  /** A UUID. The same however often it is sent: a receiver may meet it twice. */
  readonly id: string;
  /** A UUID that a start and its end have in common. */
  readonly run: string;
  /** Null: only of interest to who waits for the job. */
  readonly event: NotifyEvent | 'test' | null;
  readonly job: Job | null;
  readonly state: 'started' | 'succeeded' | 'failed';
  /** ISO 8601. */
  readonly at: string;
  readonly app: string | null;
  readonly project: string;
  readonly destination: string | null;
  readonly host: string;
  readonly who: string;
  readonly kind: NewsKind;
  /** The tag, the backup; may be empty. */
  readonly subject: string;
  /** The tag that was live before; null: none, or not known yet. */
  readonly previous: string | null;
  /** Its id; null: none had begun. */
  readonly operation: string | null;
  /** Null: it has not ended, or another process did. */
  readonly exitCode: number | null;
  readonly durationMs: number | null;
  /** What became of an operation that was recovered. */
  readonly summary: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string | null } | null;
}

const LABEL = 100;
const MESSAGE = 1_000;
const HINT = 400;

/**
 * Fit to leave the process: no secret, no control character, no line break, no text longer than is of use. Our own words are left
 * alone, for a password may be the word "failed". Details of errors, which hold what containers said, are never part of news.
 */
export const presentable = (news: News, redactor: Redactor): News => {
  const text = (value: string, longest = LABEL): string => oneLine(redactor.redact(value), longest);
  const orNull = (value: string | null, longest = LABEL): string | null =>
    value === null ? null : text(value, longest);
  const { error } = news;
  return {
    ...news,
    ...{ app: orNull(news.app), project: text(news.project), destination: orNull(news.destination) },
    ...{ host: text(news.host), who: text(news.who), subject: text(news.subject), previous: orNull(news.previous) },
    summary: orNull(news.summary, MESSAGE),
    error:
      error === null
        ? null
        : { code: error.code, message: text(error.message, MESSAGE), hint: orNull(error.hint, HINT) },
  };
};
