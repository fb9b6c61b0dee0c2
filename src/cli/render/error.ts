import { type ErrorCode, messageOf, toDeployError } from '../../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { printable } from './format.ts';
import type { Paint } from './paint.ts';

/** What `--json` prints under `error`. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: readonly string[];
}

const EVERY_KEY = 'docs/configuration.md says what every key and variable means';
/** Where to look on for errors that say all there is to say about the place and the value. */
const generalHints: Readonly<Partial<Record<ErrorCode, string>>> = {
  'config-invalid': EVERY_KEY,
  'env-invalid': EVERY_KEY,
  'uri-invalid': EVERY_KEY,
  'compose-invalid': '`docker compose config` shows what Compose makes of it',
};

/** Anything thrown, as data. What is neither a DeployError nor a disk's failure is a bug of ours, whatever threw it. */
export const reportError = (
  thrown: unknown,
  { stateDirectory }: { readonly stateDirectory: string | null },
): { readonly report: ErrorReport; readonly exitCode: number } => {
  const error = toDeployError(thrown);
  if (error.code !== 'bug') {
    const { code, message, hint = generalHints[code] ?? null, details } = error;
    return { report: { code, message, hint, details }, exitCode: exitCodes[code] };
  }
  const look = stateDirectory === null ? '' : `; what was done until then is in ${stateDirectory}/operations`;
  const hint = error.hint || `type it again with -v for the stack${look}`;
  const message = `a bug in kaleem-deploy: ${messageOf(error)}`;
  return { report: { code: 'bug', message, hint, details: error.details }, exitCode: exitCodes.bug };
};

const indented = (text: string): readonly string[] =>
  printable(text)
    .split('\n')
    .map((line) => `  ${line}`.trimEnd());

export const errorLines = (report: ErrorReport, paint: Paint): readonly string[] => [
  `${paint('red', 'error:')} ${printable(report.message)}`,
  ...report.details.flatMap(indented),
  ...(report.hint === null ? [] : [`${paint('yellow', 'hint:')} ${printable(report.hint)}`]),
];

/** For -v: the stack, then each cause with its own. Causes that go in circles are cut. */
export const causeLines = (error: unknown): readonly string[] => {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 10 && current !== undefined && current !== null; depth += 1) {
    const text = current instanceof Error ? (current.stack ?? current.message) : String(current);
    lines.push(...(depth === 0 ? [] : ['caused by:']), ...indented(text));
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
};
