import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const WHOLE_BYTES = 64 * 1024 * 1024;
const TAIL_BYTES = 1024 * 1024;

export interface OutputOptions {
  readonly onLine: ((line: string) => void) | undefined;
  /** Called once when a stream that is kept whole grows beyond 64 MiB; what is over is dropped. */
  readonly onTooMuch: () => void;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  /** The first thing that `onLine` threw; it was not called again. */
  readonly lineError: { readonly error: unknown } | null;
}

/** Cuts a stream's text into lines; the last one may lack its newline. Lines of different streams never mix. */
const lineCutter = (onLine: (line: string) => void) => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const cut = (text: string): void => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  };
  return {
    push: (chunk: Buffer) => cut(decoder.write(chunk)),
    finish: () => {
      cut(decoder.end());
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
};

/** Reads a child's stdout and stderr: whole, or, when each line is passed on as it comes, the last MiB of each. */
export const collectOutput = (
  child: { readonly stdout: Readable | null; readonly stderr: Readable | null },
  { onLine, onTooMuch }: OutputOptions,
): { finish(): Output } => {
  let lineError: Output['lineError'] = null;
  const passOn = (line: string): void => {
    if (lineError !== null) return;
    try {
      onLine?.(line);
    } catch (error) {
      lineError = { error };
    }
  };

  const collect = (stream: Readable | null) => {
    const lines = onLine === undefined ? null : lineCutter(passOn);
    let chunks: Buffer[] = [];
    let bytes = 0;
    const keepTail = (): void => {
      if (bytes < 2 * TAIL_BYTES) return;
      chunks = [Buffer.concat(chunks).subarray(-TAIL_BYTES)];
      bytes = TAIL_BYTES;
    };
    stream?.on('data', (chunk: Buffer) => {
      lines?.push(chunk);
      if (lines === null && bytes + chunk.length > WHOLE_BYTES) return onTooMuch();
      chunks.push(chunk);
      bytes += chunk.length;
      if (lines !== null) keepTail();
    });
    return () => {
      lines?.finish();
      const all = Buffer.concat(chunks);
      return (lines === null ? all : all.subarray(-TAIL_BYTES)).toString();
    };
  };

  const finishStdout = collect(child.stdout);
  const finishStderr = collect(child.stderr);
  return {
    finish: () => {
      const [stdout, stderr] = [finishStdout(), finishStderr()];
      return { stdout, stderr, lineError };
    },
  };
};
