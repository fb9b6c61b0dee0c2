import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { isDestination } from '../../config/locate.ts';
import { nearest } from '../../config/nearest.ts';
import { validateAs } from '../../config/problems.ts';
import { list, matching, oneOrMore, path, strict, text, variableName } from '../../config/schema-values.ts';
import { readSource } from '../../config/source.ts';
import { DeployError } from '../../errors.ts';
import { assertOnlyOwnerWrites, assertOursOrRoots } from '../../system/permissions.ts';
import { BASE, type KeyRights } from './admit.ts';
import { RIGHTS } from './verbs.ts';

/** A gate's configuration: which project, and which key may do what with it. */
export interface Gate {
  /** The project's folder. */
  readonly directory: string;
  /** Null: as it is found in the folder, as for somebody who types there. */
  readonly configFile: string | null;
  /** Folder of the record. */
  readonly record: string;
  /** Variables beside those that every command over a gate has. */
  readonly environment: Readonly<Record<string, string>>;
  readonly keys: ReadonlyMap<string, KeyRights>;
}

const keyName = matching('the name of a key (letters, digits, _ . and -)', /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

const right = z.unknown().transform((input, context): string => {
  const found = RIGHTS.find((name) => name === input);
  if (found !== undefined) return found;
  const near = nearest(String(input), RIGHTS);
  const meant = near === null ? '' : ` (did you mean '${near}'?)`;
  context.issues.push({ code: 'custom', message: `one of ${RIGHTS.join(', ')}${meant}`, input });
  return z.NEVER;
});

const tagPattern = matching(
  'a tag, in which * stands for any characters, such as v*',
  /^[A-Za-z0-9_*][A-Za-z0-9_.*-]{0,127}$/,
);

const destination = matching(`the name of a destination, or ${BASE} for none`, {
  test: (input) => input === BASE || isDestination(input),
});

/** docs/gate.md says what each key means. */
const gateFile = strict({
  directory: path,
  config: path.optional(),
  record: path.optional(),
  environment: z.record(variableName, text, { error: 'a map of variables' }).optional(),
  keys: z.record(
    keyName,
    strict({
      verbs: list(right, 'verbs'),
      tags: oneOrMore(tagPattern, 'tags').optional(),
      destinations: oneOrMore(destination, 'destinations').optional(),
    }),
    { error: 'a map of keys, such as {ci: {verbs: [deploy, status]}}' },
  ),
});

const assertFolder = async (folder: string, file: string): Promise<void> => {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw new DeployError('config-invalid', `${file}: there is no folder ${folder}`, { hint: `ls -ld ${folder}` });
  }
  await assertOnlyOwnerWrites(folder, folder);
};

/**
 * Reads a gate's configuration. `file` is absolute; paths in it start from its folder. The file and its folder must belong to whoever runs
 * this, or root; nobody else may change these or the project's folder.
 * @throws DeployError 'config-invalid', 'config-unsafe'
 */
export const loadGate = async (file: string): Promise<Gate> => {
  const folder = dirname(file);
  const source = await readSource([file], folder);
  await assertFolder(folder, file);
  for (const each of [file, folder]) await assertOursOrRoots(each, each);
  const given = validateAs(source, gateFile, 'docs/gate.md lists every key of a gate');
  const at = (name: string): string => resolve(folder, name);
  const directory = at(given.directory);
  await assertFolder(directory, file);
  return {
    directory,
    configFile: given.config === undefined ? null : at(given.config),
    record: given.record === undefined ? join(directory, '.kaleem', 'gate') : at(given.record),
    environment: given.environment ?? {},
    keys: new Map(
      Object.entries(given.keys).map(([name, { verbs, tags = null, destinations = [BASE] }]) => [
        name,
        { verbs, tags, destinations },
      ]),
    ),
  };
};
