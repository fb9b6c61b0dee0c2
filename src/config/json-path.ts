import { DeployError } from '../errors.ts';

/**
 * A small part of JSONPath: `$`, then any number of `.name`, `['any name']`, `["any name"]` and `[0]`.
 * No wildcards, slices or filters: a path names one value.
 */

/** Object keys are strings, array indexes numbers. Empty: the whole document. */
export type JsonPath = readonly (string | number)[];

const STEP = /^(?:\.([^\s.[\]'"$]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\])/;

/** Errors: 'config-invalid' naming the path and the place in it that could not be read. */
export const parseJsonPath = (text: string): JsonPath => {
  if (!text.startsWith('$')) throw badPath(text, 'it does not start with $');
  const path: (string | number)[] = [];
  let rest = text.slice(1);
  while (rest !== '') {
    const step = STEP.exec(rest);
    if (step === null) throw badPath(text, `"${rest}" is neither .name, ['name'] nor [0]`);
    const [whole, name, index, single, double] = step;
    path.push(index === undefined ? (name ?? single ?? double ?? '') : Number(index));
    rest = rest.slice(whole.length);
  }
  return path;
};

/** The value that a path names in a parsed JSON document; `undefined` where there is none. Only own properties count. */
export const readJsonPath = (document: unknown, path: JsonPath): unknown =>
  path.reduce<unknown>((value, key) => {
    if (typeof key === 'number') return Array.isArray(value) ? value[key] : undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }, document);

const badPath = (text: string, why: string) =>
  new DeployError('config-invalid', `the JSON path "${text}" can't be read: ${why}`, {
    hint: 'write it like $.checks[0].status',
  });
