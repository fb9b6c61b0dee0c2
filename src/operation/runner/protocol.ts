// What a runner and its followers say to each other: JSON lines over a unix socket that only their own user can open, or
// over the channel that the front started the runner with.

/** Raised when followers of one version can't understand runners of another. */
export const PROTOCOL = 1;

export interface Bytes {
  readonly done: number;
  readonly total: number | null;
}

/** What an error is to a person, as `--json` prints it. */
export interface Report {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: readonly string[];
}

/**
 * What happened in the run. `step` numbers the steps; `at` is the runner's monotonic time in milliseconds. All text is
 * redacted.
 */
export type Happening =
  | { readonly type: 'started'; readonly step: number; readonly title: string; readonly at: number }
  | { readonly type: 'detail'; readonly step: number; readonly text: string }
  | { readonly type: 'bytes'; readonly step: number; readonly bytes: Bytes }
  | {
      readonly type: 'finished';
      readonly step: number;
      readonly title: string;
      readonly elapsedMs: number;
      readonly bytes: Bytes | null;
      readonly summary: string | null;
    }
  | {
      readonly type: 'failed';
      readonly step: number;
      readonly title: string;
      readonly elapsedMs: number;
      readonly message: string;
    }
  | { readonly type: 'note' | 'warn' | 'tell' | 'log'; readonly text: string };

/** The last thing a runner says: the operation's result as data, or its error. */
export type Ending =
  | { readonly type: 'end'; readonly exitCode: number; readonly error: null; readonly result: unknown }
  | {
      readonly type: 'end';
      readonly exitCode: number;
      readonly error: Report;
      /** For -v: the stack, then each cause's. */
      readonly causes: readonly string[];
    };

/** The first thing that a follower hears. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly pid: number;
  /** The kind of the request, which says how its result is shown. */
  readonly kind: string;
  /** The runner's monotonic time. */
  readonly now: number;
}

/** A step that is under way. */
export interface LiveStep {
  readonly title: string;
  readonly elapsedMs: number;
  readonly detail: string | null;
  readonly bytes: Bytes | null;
}

/** What a run is at, for `status`. */
export interface LiveState {
  readonly type: 'state';
  readonly pid: number;
  readonly kind: string;
  readonly elapsedMs: number;
  /** Asked to abort: it rolls back. */
  readonly aborting: boolean;
  readonly steps: readonly LiveStep[];
}

/** An event with its number, so that a follower that lost its connection can go on where it was. */
export type Numbered = { readonly n: number } & (Happening | Ending);

export type ToFollower = Hello | Numbered | LiveState;

export type ToRunner =
  /** Everything from event number `from` on; `verbose`: the debug log too, from now on. */
  | { readonly type: 'follow'; readonly from: number; readonly verbose: boolean }
  | { readonly type: 'abort'; readonly by: string }
  | { readonly type: 'look' }
  /** Over the channel alone, and first. */
  | { readonly type: 'job'; readonly job: unknown };
