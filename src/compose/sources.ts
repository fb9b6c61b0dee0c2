import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';

/** The project's files as text: compose files, what they include and extend, and the env files they name. */
export interface Sources {
  readonly texts: readonly string[];
  /** False: one was on another machine (git, OCI) or its path could not be worked out. */
  readonly complete: boolean;
}

type Environment = Readonly<Record<string, string>>;
const REMOTE = /^(?:[a-z][a-z0-9+.-]*:|git@)/i;

/**
 * Follows `include`, `extends` and `env_file` from the compose files. A file that is not there is left to Compose, which
 * says it better; what can't be parsed still counts as text.
 */
export const readSources = async (
  files: readonly string[],
  directory: string,
  environment: Environment,
): Promise<Sources> => {
  const texts = new Map<string, string>();
  let complete = true;
  const follow = async (path: string, parse: boolean): Promise<void> => {
    if (texts.has(path)) return;
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return;
    texts.set(path, text);
    if (!parse) return;
    for (const { written, isCompose } of references(text)) {
      const found = substitute(written, environment);
      if (found === null || REMOTE.test(found)) {
        complete = false;
        continue;
      }
      // Relative to the project's folder or to the file's own, which depends on how Compose came to it: both do no harm.
      for (const base of new Set([directory, dirname(path)])) await follow(resolve(base, found), isCompose);
    }
  };
  for (const file of files) await follow(file, true);
  return { texts: [...texts.values()], complete };
};

interface Reference {
  readonly written: string;
  readonly isCompose: boolean;
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];
const pathsIn = (value: unknown): readonly string[] =>
  listOf(value).flatMap((each) => {
    const path = isMapping(each) ? each.path : each;
    return listOf(path).filter((item) => typeof item === 'string');
  });

const references = (text: string): readonly Reference[] => {
  const parsed = parseDocument(text, { logLevel: 'silent', merge: true });
  if (parsed.errors.length > 0) return [];
  const root: unknown = parsed.toJS();
  if (!isMapping(root)) return [];
  const services = isMapping(root.services) ? Object.values(root.services).filter(isMapping) : [];
  const included = listOf(root.include);
  const extended = services.map((service) => service.extends).filter(isMapping);
  const composeFiles = [...pathsIn(included), ...extended.flatMap((each) => pathsIn(each.file))];
  const envFiles = [...services, ...included.filter(isMapping)].flatMap((each) => pathsIn(each.env_file));
  return [
    ...composeFiles.map((written) => ({ written, isCompose: true })),
    // An included project has a `.env` of its own, beside its compose file.
    ...pathsIn(included).map((written) => ({ written: `${dirname(written)}/.env`, isCompose: false })),
    ...envFiles.map((written) => ({ written, isCompose: false })),
  ];
};

/** Simple variables in a path; null when something else with a dollar sign is left. */
const substitute = (text: string, environment: Environment): string | null => {
  const replaced = text.replaceAll(
    /\$(?:\{([A-Za-z_]\w*)(?::?-([^${}]*))?\}|([A-Za-z_]\w*))/g,
    (_, braced: string | undefined, fallback: string | undefined, plain: string | undefined) =>
      environment[braced ?? plain ?? ''] || (fallback ?? ''),
  );
  return replaced.includes('$') ? null : replaced;
};
