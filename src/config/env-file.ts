import { DeployError, messageOf } from '../errors.ts';
import { type EnvStatement, readStatements } from './env-statements.ts';
import { interpolate, type Lookup } from './interpolate.ts';

export interface EnvValue {
  readonly value: string;
  /** 1-based line of the assignment that counts: the last. */
  readonly line: number;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  // Interpolation comes after, and takes $$ for a dollar sign.
  $: '$$',
};

const expandEscapes = (raw: string): string =>
  raw.replace(/\\(?:[abcfnrtv$"\\]|0\d{0,3})/g, (match) => {
    const octal = match[1] === '0' ? match.slice(2) : null;
    if (octal === null) return ESCAPES[match.slice(1)] ?? match;
    const code = /^[0-7]{3}$/.test(octal) ? Number.parseInt(octal, 8) : Number.NaN;
    return code <= 255 ? String.fromCodePoint(code) : `\\${octal}`;
  });

/**
 * Reads an env file as Compose does: the last assignment of a name counts; unquoted and double-quoted values may refer
 * to names before them; a bare name takes its value from outside.
 * @param file its name, for messages
 * @param environment wins over the file in what values refer to
 * @param earlier what env files before this one said, for names that this one does not set
 * @throws DeployError 'env-invalid' naming file and line
 */
export const parseEnvFile = (
  text: string,
  file: string,
  environment: Lookup = () => undefined,
  earlier: Lookup = () => undefined,
): ReadonlyMap<string, EnvValue> => {
  const values = new Map<string, EnvValue>();
  const lookup: Lookup = (name) => environment(name) ?? values.get(name)?.value ?? earlier(name);
  for (const statement of readStatements(text, file)) {
    const { name, line, inherited } = statement;
    const value = inherited ? lookup(name) : expand(statement, file, lookup);
    if (value !== undefined) values.set(name, { value, line });
  }
  return values;
};

const expand = ({ name, line, quote, raw }: EnvStatement, file: string, lookup: Lookup): string => {
  if (quote === "'") return raw;
  try {
    return interpolate(quote === '"' ? expandEscapes(raw) : raw, lookup);
  } catch (error) {
    throw new DeployError('env-invalid', `${file}:${line}: in the value of ${name}: ${messageOf(error)}`, {
      hint: 'write $$ for a dollar sign, or put the value into single quotes',
    });
  }
};

export { setVariables } from './env-edit.ts';
