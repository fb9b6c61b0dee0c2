import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';
import { type ErrorReport, errorLines } from './render/error.ts';
import { painter } from './render/paint.ts';

export interface Failure {
  readonly report: ErrorReport;
  readonly exitCode: number;
  /** For -v. */
  readonly causes: readonly string[];
}

/** The error document with --json, lines on stderr else. Comes back with the exit code. */
export const showError = (
  {
    io,
    output,
    options,
  }: { readonly io: Io; readonly output: Output; readonly options: Pick<GlobalOptions, 'json' | 'verbose'> },
  { report, exitCode, causes }: Failure,
): number => {
  if (options.json) output.document({ error: report, exitCode });
  else output.say(errorLines(report, painter(io.stderr, io.env)));
  if (options.verbose) output.say(causes);
  return exitCode;
};
