import type { EventEmitter } from 'node:events';

/** A stream that text goes out on. `isTTY` and `columns` as tty.WriteStream has them. */
export interface OutStream {
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Where a command runs. */
export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** What the command line has of the world; tests hand in their own. `process` has this shape but for `cwd`. */
export interface Io extends Place {
  readonly stdin: NodeJS.ReadableStream & {
    readonly isTTY?: boolean | undefined;
    setRawMode?(raw: boolean): unknown;
  };
  readonly stdout: OutStream;
  readonly stderr: OutStream;
  /** Where SIGINT, SIGTERM and SIGHUP come from. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Has the process itself move: what it starts from now on has this environment and folder, and nothing of the old ones. */
  move(place: Place): void;
}
