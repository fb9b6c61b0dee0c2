/** What a notifier can be told of. */
export type NotifyEvent =
  | 'started'
  | 'done'
  | 'failed'
  | 'rolled-back'
  | 'interrupted'
  | 'halted'
  | 'recovered'
  | 'backup-failed'
  | 'backup-invalid'
  | 'copy-failed'
  | 'drill-failed'
  | 'unhealthy'
  | 'backup-overdue'
  | 'disk-nearly-full'
  | 'well-again';

/** Work that is done again and again, so that somebody must miss it when it is not. */
export const JOBS = ['backup', 'verify', 'drill', 'prune', 'watch'] as const;
export type Job = (typeof JOBS)[number];

export type NotifierTarget =
  /** `secret` signs. Both secret. */
  | { readonly type: 'webhook'; readonly url: string; readonly secret: string }
  /** Whoever has the URL can post: it is a secret. */
  | { readonly type: 'slack' | 'teams' | 'discord'; readonly url: string }
  | {
      readonly type: 'telegram';
      /** Of the Bot API, without a slash at its end. */
      readonly api: string;
      /** Secret. */
      readonly token: string;
      readonly chat: string;
    }
  | {
      readonly type: 'email';
      readonly host: string;
      readonly port: number;
      /** `none`: only on this host's loopback. */
      readonly tls: 'starttls' | 'tls' | 'none';
      /** The password is secret. Null: no login. */
      readonly login: { readonly username: string; readonly password: string } | null;
      readonly from: string;
      readonly to: readonly string[];
    }
  /** The URL is a secret. */
  | { readonly type: 'healthchecks'; readonly url: string; readonly jobs: readonly Job[] };

/** Somebody who is told what becomes of operations. */
export interface Notifier {
  /** Unique. */
  readonly name: string;
  readonly type: NotifierTarget['type'];
  /** Empty for healthchecks, which hears of its jobs. */
  readonly events: readonly NotifyEvent[];
  /** Null: what it refers to is missing or can't be used, as `problem` says. Nothing else fails for that. */
  readonly target: NotifierTarget | null;
  readonly problem: string | null;
}
