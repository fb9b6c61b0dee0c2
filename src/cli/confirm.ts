import { createInterface } from 'node:readline';
import { DeployError } from '../errors.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';

export interface Question {
  /** What was asked for: "rollback --with-database". */
  readonly what: string;
  /** What will be lost or replaced, a line each. */
  readonly destroys: readonly string[];
}

export const canAsk = (io: Io): boolean => io.stdin.isTTY === true && io.stderr.isTTY === true;

/** Throws 'needs-confirmation' where nobody can be asked and nobody has said yes. Called before anything is looked at. */
export const assertConfirmable = (io: Io, yes: boolean, what: string): void => {
  if (yes || canAsk(io)) return;
  throw new DeployError('needs-confirmation', `${what} destroys data, and there is no terminal to ask on`, {
    hint: 'add --yes to confirm, or --dry-run to see what it would do',
  });
};

const readAnswer = (io: Io, signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    // Line mode is the terminal's own: then Ctrl-C stays a signal, and nothing has to be put back after a crash.
    const lines = createInterface({ input: io.stdin, terminal: false });
    const onAbort = (): void => {
      // Before closing: a closed input is an answer too.
      reject(signal.reason);
      lines.close();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      resolve('');
    });
  });

/** Asks on the terminal; true for y or yes. */
export const askYes = async (io: Io, output: Output, signal: AbortSignal, question: string): Promise<boolean> => {
  signal.throwIfAborted();
  output.raw(`${question} [y/N] `);
  return /^\s*y(es)?\s*$/i.test(await readAnswer(io, signal));
};

/** Asks on the terminal; throws 'needs-confirmation' unless the answer is y or yes. */
export const ask = async (io: Io, output: Output, signal: AbortSignal, question: Question): Promise<void> => {
  output.say([`${question.what} will:`, ...question.destroys.map((line) => `  - ${line}`)]);
  if (await askYes(io, output, signal, 'go on?')) return;
  throw new DeployError('needs-confirmation', 'not confirmed; nothing was changed');
};
