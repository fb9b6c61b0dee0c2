import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setVariables } from '../system/environment.ts';
import { assertOnlyOwnerWrites } from '../system/permissions.ts';
import { parseEnvFile } from './env-file.ts';
import { readText } from './read-text.ts';
import { shownPath } from './source.ts';

/** Where a variable's value was found: `.env:4`; null: in the process environment. */
export type Origin = { readonly file: string; readonly shown: string; readonly line: number } | null;

export interface Variables {
  readonly values: ReadonlyMap<string, string>;
  readonly origins: ReadonlyMap<string, Origin>;
  /** The env files that were read, absolute; what a later one says wins. */
  readonly files: readonly string[];
}

/** The process environment, which wins over every file, even where it is empty, as in Compose. */
export const processVariables = (environment: Readonly<Record<string, string | undefined>>): Variables => {
  const entries = Object.entries(setVariables(environment));
  return {
    values: new Map(entries),
    origins: new Map(entries.map(([name]) => [name, null])),
    files: [],
  };
};

/** Adds what env files say about names that are not set yet. Of two files of one call, the later wins. */
export const addEnvFiles = async (
  known: Variables,
  files: readonly string[],
  options: { readonly cwd: string; readonly where?: string },
): Promise<Variables> => {
  const added = new Map<string, { value: string; origin: Origin }>();
  for (const file of files) {
    const shown = shownPath(file, options.cwd);
    const where = options.where === undefined ? {} : { where: options.where };
    const text = await readText(file, { code: 'env-invalid', shown, ...where });
    await assertOnlyOwnerWrites(file, shown);
    const values = parseEnvFile(
      text,
      shown,
      (name) => known.values.get(name),
      (name) => added.get(name)?.value,
    );
    for (const [name, { value, line }] of values) added.set(name, { value, origin: { file, shown, line } });
  }
  const fresh = [...added].filter(([name]) => !known.values.has(name));
  return {
    values: new Map([...known.values, ...fresh.map(([name, { value }]) => [name, value] as const)]),
    origins: new Map([...known.origins, ...fresh.map(([name, { origin }]) => [name, origin] as const)]),
    // A file that is read after others only fills gaps: what is listed later wins.
    files: [...files, ...known.files],
  };
};

/** The `.env` of a directory, where there is one; a folder of that name is ignored, as by Compose. */
export const defaultEnvFile = async (directory: string): Promise<readonly string[]> => {
  const file = join(directory, '.env');
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  return exists && !(await stat(file)).isDirectory() ? [file] : [];
};
