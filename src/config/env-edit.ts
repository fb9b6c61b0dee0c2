import { DeployError } from '../errors.ts';
import { readStatements } from './env-statements.ts';

/** Needs no quotes, here or in any shell. */
const PLAIN = /^[\w./:@%+,=~^-]*$/;

const doubleQuoted = (value: string): string =>
  `"${value
    .replace(/[\\"$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')}"`;

/** A backslash in single quotes either stands for itself or escapes the quote, depending on what follows: kept out. */
const singleQuoted = (value: string): string | null => (/['\\\n\r]/.test(value) ? null : `'${value}'`);

/** The value as Compose reads it back, in the quotes it had where they can hold it. */
const encode = (value: string, quote: '"' | "'" | null): string => {
  if (quote === null && PLAIN.test(value)) return value;
  if (quote === "'") return singleQuoted(value) ?? doubleQuoted(value);
  return doubleQuoted(value);
};

const assertStorable = (name: string, value: string): void => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DeployError('bug', `'${name}' is not the name of a variable`);
  if (value.includes('\0')) throw new DeployError('bug', `the value of ${name} has a NUL byte`);
};

const setVariable = (text: string, name: string, value: string): string => {
  assertStorable(name, value);
  const statement = readStatements(text, '.env').findLast((each) => each.name === name && !each.inherited);
  if (statement === undefined) {
    const newline = text.includes('\r\n') ? '\r\n' : '\n';
    const separator = text === '' || text === '\uFEFF' || text.endsWith('\n') ? '' : newline;
    return `${text}${separator}${name}=${encode(value, null)}${newline}`;
  }
  const { start, end, quote, raw } = statement;
  // Compose reads `A= # note` as the value '# note'. The person meant a comment, and with a value before it, it is one.
  const isNote = quote === null && raw.startsWith('#') && /\s/.test(text[start - 1] ?? '');
  const rest = text.slice(isNote ? start : end);
  const needsQuotes = value === '' && /^[^\S\n]*#/.test(rest);
  const encoded = needsQuotes ? '""' : encode(value, quote);
  return `${text.slice(0, start)}${encoded}${isNote ? ' ' : ''}${rest}`;
};

/**
 * Changes variables of an env file in place: comments, order, quotes, `export` and line ends stay. Of several
 * assignments the last, which counts, is changed; a name that is not there is appended. Idempotent.
 * @throws DeployError 'env-invalid' when the text is not an env file
 */
export const setVariables = (text: string, values: Readonly<Record<string, string>>): string =>
  Object.entries(values).reduce((edited, [name, value]) => setVariable(edited, name, value), text);
