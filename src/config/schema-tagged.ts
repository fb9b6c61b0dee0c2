import { z } from 'zod';
import { nearest } from './nearest.ts';
import { rule } from './schema-values.ts';
import { isYamlMap } from './source.ts';

/**
 * Validates with the schema that `pick` chooses by looking at the value, so that messages are about that one alone; a
 * union would report what is wrong with each.
 */
export const chosen = <T extends z.ZodType>(pick: (input: unknown) => T) =>
  z.unknown().transform((input, context): z.output<T> => {
    const result = pick(input).safeParse(input);
    if (result.success) return result.data;
    const issues = result.error.issues.map((issue) => ({ ...issue, input }) as (typeof context.issues)[number]);
    context.issues.push(...issues);
    return z.NEVER;
  });

const none = rule('none', (input) => (input === 'none' ? ('none' as const) : undefined));
export const orNone = <T extends z.ZodType>(schema: T) =>
  chosen<T | typeof none>((input) => (input === 'none' ? none : schema));

type Schemas = Readonly<Record<string, z.ZodType>>;
type Output<S extends Schemas> = {
  [K in keyof S & string]: { readonly type: K; readonly value: z.output<S[K]> };
}[keyof S & string];

const refuse = (what: string): z.ZodType => z.custom(() => false, { error: what });

/** The schema that reports why none of the types fits. */
const noneFits = (input: unknown, types: readonly string[], given: readonly string[]): z.ZodType => {
  const what = `a map with one of ${types.join(', ')}`;
  if (given.length > 1) return refuse(`${what}, not with both ${given.slice(0, 2).join(' and ')}`);
  for (const key of isYamlMap(input) ? Object.keys(input) : []) {
    const near = nearest(key, types);
    if (near !== null) return refuse(`${what} (did you mean '${near}' instead of '${key}'?)`);
  }
  return refuse(what);
};

/** A map whose type is told by which key it has: `{http: URL, ...}`, `{container: api}`. */
export const tagged = <S extends Schemas>(schemas: S) => {
  const types = Object.keys(schemas);
  const withType = Object.fromEntries(
    Object.entries(schemas).map(([type, schema]) => [type, schema.transform((value) => ({ type, value }))]),
  );
  return chosen<z.ZodType<Output<S>>>((input) => {
    const given = isYamlMap(input) ? types.filter((type) => Object.hasOwn(input, type)) : [];
    const schema = given.length === 1 ? withType[given[0] ?? ''] : undefined;
    return (schema ?? noneFits(input, types, given)) as z.ZodType<Output<S>>;
  });
};
