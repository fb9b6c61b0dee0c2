import type { Redactor } from '../system/redact.ts';
import { redactValues } from '../system/redact-values.ts';
import type { OutStream } from './io.ts';

/** The two ways out. Everything printed passes here, so that it is redacted, and so that a reader who left harms nothing. */
export interface Output {
  /** Lines of result, on stdout. */
  result(lines: readonly string[]): void;
  /** One JSON document, on stdout; on one line where more will follow. */
  document(value: unknown, options?: { readonly oneLine?: boolean }): void;
  /** Lines for the person who waits, on stderr. */
  say(lines: readonly string[]): void;
  /** Raw text on stderr: cursor movements and a prompt. */
  raw(text: string): void;
  /** A part of a result, as it is, on stdout. */
  part(text: string): void;
}

export interface OutputOptions {
  readonly stdout: OutStream;
  readonly stderr: OutStream;
  readonly redactor: Redactor;
  /** The reader of stdout is gone (`| head`): nobody needs what comes. */
  readonly onStdoutGone?: () => void;
}

/** A way out that closes for good at the first error (EPIPE, or EIO of a terminal that hung up) instead of throwing. */
const guarded = (stream: OutStream, onGone: () => void = () => {}): ((text: string) => void) => {
  let gone = false;
  const leave = (): void => {
    if (gone) return;
    gone = true;
    onGone();
  };
  stream.on('error', leave);
  return (text) => {
    if (gone) return;
    try {
      stream.write(text);
    } catch {
      leave();
    }
  };
};

export const createOutput = ({ stdout, stderr, redactor, onStdoutGone }: OutputOptions): Output => {
  const toStdout = guarded(stdout, onStdoutGone);
  const toStderr = guarded(stderr);
  const text = (lines: readonly string[]): string => lines.map((line) => `${redactor.redact(line)}\n`).join('');
  return {
    result: (lines) => toStdout(text(lines)),
    document: (value, { oneLine = false } = {}) =>
      toStdout(`${JSON.stringify(redactValues(value, redactor), null, oneLine ? undefined : 2)}\n`),
    say: (lines) => toStderr(text(lines)),
    raw: (sequence) => toStderr(redactor.redact(sequence)),
    part: (sequence) => toStdout(redactor.redact(sequence)),
  };
};
