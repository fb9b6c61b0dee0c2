/** What a `$NAME` stands for; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

const VARIABLE = /\$(?:\$|[_a-z][_a-z0-9]*|\{(?:[_a-z][_a-z0-9]*(?::?[-+?][^\n]*)?\}|))/gi;
const NAME = /^\$\{?(?<name>[_a-z][_a-z0-9]*)(?<operator>:?[-+?])?/i;

/**
 * Where the braces that open a reference close. Compose takes the character after an opening brace for granted, which
 * only shows in `${A:-{}}`; so it is here.
 */
const closingBrace = (text: string): number => {
  let open = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '}') {
      open -= 1;
      if (open === 0) return i;
    }
    if (text[i] === '{') {
      open += 1;
      i += 1;
    }
  }
  return -1;
};

const substitute = (match: string, lookup: Lookup, onBlank: (name: string) => void): string => {
  if (match === '$$') return '$';
  // The pattern is greedy: `${A:-x}` may have taken text behind its brace, which is interpolated on its own.
  const end = closingBrace(match);
  const reference = end < 0 ? match : match.slice(0, end + 1);
  const rest = end < 0 ? '' : match.slice(end + 1);
  const { name, operator } = NAME.exec(reference)?.groups ?? {};
  if (name === undefined) throw new Error(`'${match}' does not begin a variable: write $$ for a dollar sign`);
  const value = lookup(name);
  if (operator === undefined) {
    if (value === undefined || value === '') onBlank(name);
    return value ?? '';
  }
  const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  const word = reference.slice(reference.indexOf(operator) + operator.length, -1);
  const result = (): string => {
    if (operator.endsWith('+')) return isSet ? interpolate(word, lookup, onBlank) : '';
    if (isSet) return value ?? '';
    if (operator.endsWith('-')) return interpolate(word, lookup, onBlank);
    throw new Error(`${name} is not set${word === '' ? '' : `: ${interpolate(word, lookup)}`}`);
  };
  return result() + interpolate(rest, lookup, onBlank);
};

/**
 * Replaces $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:+other}, ${NAME+other}, ${NAME:?message} and $$ as
 * Compose does (compose-spec, 12-interpolation.md). Throws a plain Error for a malformed reference or a missing
 * `?` variable: the caller knows the place. `onBlank` hears of plain references to what is empty or not set.
 */
export const interpolate = (text: string, lookup: Lookup, onBlank: (name: string) => void = () => {}): string =>
  text.replace(VARIABLE, (match) => substitute(match, lookup, onBlank));
