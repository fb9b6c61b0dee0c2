import { z } from 'zod';

/**
 * A value with its own rule. `what` completes "must be ..." in messages. A rule answers undefined for what it refuses.
 */
export const rule = <T>(what: string, parse: (input: unknown) => T | undefined) =>
  z.unknown().transform((input, context): T => {
    const value = parse(input);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: what, input });
    return z.NEVER;
  });

/** A map with no other keys than these. The message of an unknown key lists the known ones: problems.ts reads it. */
export const strict = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : 'a map of keys'),
  });

export const list = <T extends z.ZodType>(item: T, what: string) => z.array(item, { error: `a list of ${what}` });

/** A list, or a single value that stands for a list of one. */
export const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z.preprocess(
    (input) => (Array.isArray(input) || input === undefined ? input : [input]),
    list(item, what).min(1, { error: `a list of ${what}` }),
  );

/** Text that a pattern, or a rule of its own, fits. */
export const matching = (what: string, fits: { test(text: string): boolean }) =>
  rule(what, (input) => (typeof input === 'string' && fits.test(input) ? input : undefined));

export const oneOf = <const T extends string>(names: readonly T[]) =>
  rule(`one of ${names.join(', ')}`, (input) => names.find((name) => name === input));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
export const text = matching('text', /^[^\x00]+$/);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
export const label = matching('a line of text of at most 100 characters', /^[^\x00-\x1f\x7f]{1,100}$/);
export const path = matching('a path', /^[^\0\n]+$/);
/** Of an entry in a list, by which commands call it. */
export const entryName = matching('a name of letters, digits, _ . and -', /^[A-Za-z0-9][\w.-]{0,49}$/);
export const serviceName = matching('the name of a service', /^[a-zA-Z0-9._-]{1,200}$/);
export const variableName = matching('the name of a variable, such as KALEEM_API_IMAGE', /^[A-Za-z_][A-Za-z0-9_]*$/);
export const projectName = matching(
  'a Compose project name (small letters, digits, _ and -, beginning with a letter or digit)',
  /^[a-z0-9][a-z0-9_-]*$/,
);
export const profileName = matching('the name of a profile', /^(?:\*|[a-zA-Z0-9][a-zA-Z0-9_.-]*)$/);

export const flag = rule('true or false', (input) => (typeof input === 'boolean' ? input : undefined));

export const wholeNumber = (from: number, to: number) =>
  rule(`a whole number from ${from} to ${to}`, (input) =>
    typeof input === 'number' && Number.isInteger(input) && input >= from && input <= to ? input : undefined,
  );

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `20s`, `500ms`, `2m`, `1h`, or a number of seconds, in milliseconds; undefined where it is none of these. */
const parseDuration = (input: unknown): number | undefined => {
  if (typeof input === 'number') return Number.isFinite(input) && input >= 0 ? Math.round(input * 1000) : undefined;
  const { amount, unit } = /^(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s|m|h)$/.exec(String(input))?.groups ?? {};
  return unit === undefined ? undefined : Math.round(Number(amount) * (UNITS[unit] ?? 0));
};

const SPAN = /^(?=\d)(?:(?<years>\d{1,3})y)?(?:(?<months>\d{1,4})m)?(?:(?<days>\d{1,5})d)?(?:(?<hours>\d{1,6})h)?$/;

/** As restic writes spans: here `m` is months. */
export const span = rule('a span of years, months, days and hours, such as 30d, 12h or 1y6m', (input) => {
  const parts = SPAN.exec(String(input))?.groups;
  if (parts === undefined) return undefined;
  const of = (name: string): number => Number(parts[name] ?? 0);
  const parsed = { years: of('years'), months: of('months'), days: of('days'), hours: of('hours') };
  return Object.values(parsed).some((part) => part > 0) ? parsed : undefined;
});

/** Bounds are written as people write durations: `duration('100ms', '1h')`. */
export const duration = (from: string, to: string) =>
  rule(`a duration from ${from} to ${to}, such as 20s, 500ms or 2m`, (input) => {
    const ms = parseDuration(input);
    return ms !== undefined && ms >= (parseDuration(from) ?? 0) && ms <= (parseDuration(to) ?? 0) ? ms : undefined;
  });

/** A program and its arguments. There is no shell that would split a line of text. */
export const argv = rule('a list such as [node, migrate.js] (no shell splits a line of text)', (input) => {
  if (!Array.isArray(input) || input.length === 0) return undefined;
  const words = input.map((word: unknown) => (typeof word === 'number' ? String(word) : word));
  const fits = words.every((word): word is string => typeof word === 'string' && !word.includes('\0'));
  return fits && words[0] !== '' ? words : undefined;
});

/** Text in which `${NAME}` stands for a variable, or a reference to a variable or a file. */
export type Reference = { readonly text: string } | { readonly env: string } | { readonly file: string };

const isReferenceTo = (input: unknown, key: string): input is Record<string, string> =>
  typeof input === 'object' &&
  input !== null &&
  Object.keys(input).length === 1 &&
  typeof (input as Record<string, unknown>)[key] === 'string' &&
  (input as Record<string, unknown>)[key] !== '';

export const reference = (what: string) =>
  rule(`${what}, {env: NAME} or {file: PATH}`, (input): Reference | undefined => {
    if (typeof input === 'string' && input !== '') return { text: input };
    if (isReferenceTo(input, 'env')) return { env: input.env ?? '' };
    return isReferenceTo(input, 'file') ? { file: input.file ?? '' } : undefined;
  });

/** What must be, where it is not: problems.ts knows by it that what stands there is not to be shown. */
export const ONLY_REFERENCES = '{env: NAME} or {file: PATH}: no secret stands in this file';

/** A secret is never written into a file that is committed: only where to find it. */
export const secretReference = rule(ONLY_REFERENCES, (input) => {
  if (typeof input === 'string') {
    const name = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(input)?.[1];
    return name === undefined ? undefined : ({ env: name } satisfies Reference);
  }
  const parsed = reference('').safeParse(input);
  return parsed.success ? parsed.data : undefined;
});
