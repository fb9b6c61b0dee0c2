import type { z } from 'zod';
import { DeployError } from '../errors.ts';
import { holdsSecretKey } from './age.ts';
import { nearest } from './nearest.ts';
import type { ConfigFile } from './schema.ts';
import { configFile } from './schema.ts';
import { ONLY_REFERENCES } from './schema-values.ts';
import { isYamlMap, type Path, type Source } from './source.ts';
import { maskUri } from './uri.ts';

type Issue = z.core.$ZodIssue;

/** `gates.after[0].http` */
export const dotted = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = /^[\w-]+$/.test(step) ? step : `'${step}'`;
    return text === '' ? key : `${text}.${key}`;
  }, '');

const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return value[Number(step)];
    // A single value where a list may stand: its path has an index all the same.
    if (step === 0 && !isYamlMap(value)) return value;
    return isYamlMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, data);

const SECRET_KEY = /password|secret|token|api_?key|authorization/i;

const isSecret = (path: Path, message: string): boolean =>
  message === ONLY_REFERENCES || path.some((step) => SECRET_KEY.test(String(step)));

const show = (value: unknown, path: Path, message: string): string => {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (isSecret(path, message)) return 'something else';
  if (typeof value === 'string' && holdsSecretKey(value)) return 'a secret key';
  const shown = typeof value === 'string' ? `'${maskUri(value).replace(/[\r\n]+/g, ' ')}'` : String(value);
  return shown.length > 80 ? `${shown.slice(0, 77)}...'` : shown;
};

const unknownKey = (key: string, known: readonly string[], path: Path): string => {
  const place = path.length === 0 ? '' : ` in ${dotted(path)}`;
  const near = nearest(key, known);
  return `unknown key '${key}'${place}; ${near === null ? `known keys: ${known.join(', ')}` : `did you mean '${near}'?`}`;
};

const describe = (issue: Issue, source: Source): readonly { at: Path; text: string }[] => {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ at: [...path, key], text: unknownKey(key, issue.message.split(' '), path) }));
  }
  // A bad key of a map with free keys: the rule of keys has the words.
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  if (issue.code === 'invalid_key') {
    return [{ at: path, text: `the key '${String(path.at(-1))}' in ${dotted(path.slice(0, -1))} must be ${message}` }];
  }
  const value = valueAt(source.data, path);
  const name = dotted(path) || 'the file';
  if (value === undefined) return [{ at: path, text: `${name} is missing: it must be ${message}` }];
  return [{ at: path, text: `${name} must be ${message}, not ${show(value, path, message)}` }];
};

/** Validates what a file says. Of several problems the first in the file is the message; the others are details. */
export const validateAs = <T extends z.ZodType>(source: Source, schema: T, hint: string): z.output<T> => {
  const result = schema.safeParse(source.data);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) => describe(issue, source))
    .map(({ at, text }) => ({ place: source.at(at), text }))
    .sort((a, b) => lineOf(a.place) - lineOf(b.place));
  const lines = problems.map(({ place, text }) => `${place}: ${text}`);
  throw new DeployError('config-invalid', lines[0] ?? 'the configuration is not valid', {
    hint,
    details: lines.slice(1),
  });
};

/** Validates merged configuration. */
export const validate = (source: Source): ConfigFile =>
  validateAs(
    source,
    configFile,
    'docs/configuration.md lists every key; `kaleem-deploy config` shows what was understood',
  );

const lineOf = (place: string): number => Number(place.slice(place.lastIndexOf(':') + 1));
