import { DeployError } from '../errors.ts';

/** One assignment of an env file, or a bare name, which takes its value from the environment. */
export interface EnvStatement {
  readonly name: string;
  /** 1-based line of the name. */
  readonly line: number;
  readonly inherited: boolean;
  readonly quote: '"' | "'" | null;
  /** Offsets of the value in the text, quotes included. */
  readonly start: number;
  readonly end: number;
  /** The value without its quotes; escapes and variables are still as written. */
  readonly raw: string;
}

/** What Go's unicode.IsSpace accepts, which Compose uses; JavaScript's \s is another set. */
const SPACE = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const BLANK_OR_COMMENT = new RegExp(`(?:[${SPACE}]+|#[^\\n]*)*`, 'y');
const TRAILING_SPACE = new RegExp(`[${SPACE}]+$`);
const EXPORT = /export[\t\n\f\r ]+/y;
const INLINE_SPACE = /[\t\v\f\r \u0085\u00a0]*/y;
const NAME = /[\p{L}\p{N}_.\-[\]\t\v\f\r \u0085\u00a0]*/uy;

const matchAt = (pattern: RegExp, text: string, at: number): string => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
};

/** The end of a quoted value, and what stands in it. A backslash keeps the quote of its own kind from ending it. */
const readQuoted = (text: string, start: number): { raw: string; end: number } | null => {
  const quote = text[start];
  let raw = '';
  for (let i = start + 1; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (char === quote) return { raw, end: i + 1 };
    if (char !== '\\') {
      raw += char;
      continue;
    }
    const next = text[i + 1] ?? '';
    raw += next === quote ? quote : char + next;
    i += 1;
  }
  return null;
};

const readUnquoted = (text: string, start: number): { raw: string; end: number } => {
  const newline = text.indexOf('\n', start);
  const line = text.slice(start, newline < 0 ? text.length : newline);
  const comment = line.indexOf(' #');
  const raw = (comment < 0 ? line : line.slice(0, comment)).replace(TRAILING_SPACE, '');
  return { raw, end: start + raw.length };
};

/**
 * Reads the statements of an env file with their places. The grammar is that of Compose (compose-go, dotenv/parser.go):
 * `NAME=value`, `NAME: value`, `export`, comments, quotes that span lines, a second statement behind a closing quote.
 * Throws 'env-invalid' naming file and line; values are never in the message, they may be secret.
 */
export const readStatements = (text: string, file: string): readonly EnvStatement[] => {
  const statements: EnvStatement[] = [];
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineAt = (offset: number): number => {
    const after = starts.findIndex((start) => start > offset);
    return after < 0 ? starts.length : after;
  };
  const fail = (offset: number, problem: string, hint?: string): never => {
    throw new DeployError('env-invalid', `${file}:${lineAt(offset)}: ${problem}`, hint === undefined ? {} : { hint });
  };

  let at = text.startsWith('\uFEFF') ? 1 : 0;
  for (;;) {
    at += matchAt(BLANK_OR_COMMENT, text, at).length;
    if (at >= text.length) return statements;
    const exported = matchAt(EXPORT, text, at);
    at += exported.length;
    if (exported.includes('\n')) continue;

    const nameStart = at;
    const written = matchAt(NAME, text, at);
    const name = written.replace(TRAILING_SPACE, '');
    at += written.length;
    const separator = text[at] ?? '\n';
    if (!'=:\n'.includes(separator)) {
      fail(
        nameStart,
        `'${separator}' can't stand in the name of a variable (after '${name}')`,
        'quote values that span lines',
      );
    }
    if (name === '' && separator !== '\n') fail(nameStart, `there is no name before '${separator}'`);
    if (/[\t\v\f\r \u0085\u00a0]/.test(name)) {
      fail(
        nameStart,
        `the name '${name}' has a space in it`,
        'a line is NAME=value, and a value with several lines is quoted',
      );
    }
    const line = lineAt(nameStart);
    at += 1;
    if (separator === '\n') {
      if (name !== '') statements.push({ name, line, inherited: true, quote: null, start: at, end: at, raw: '' });
      continue;
    }
    at += matchAt(INLINE_SPACE, text, at).length;
    const quote = text[at] === '"' || text[at] === "'" ? text[at] : null;
    const value = quote === null ? readUnquoted(text, at) : readQuoted(text, at);
    if (value === null) return fail(nameStart, `the quote ${quote} that opens the value of ${name} is never closed`);
    statements.push({ name, line, inherited: false, quote: quote as '"' | "'" | null, start: at, ...value });
    at = value.end;
    // What follows an unquoted value on its line is a comment or blank.
    if (quote === null) at += matchAt(/[^\n]*/y, text, at).length;
  }
};
