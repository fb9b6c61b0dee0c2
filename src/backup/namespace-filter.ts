import { DeployError } from '../errors.ts';
import { fitsWildcard } from '../system/wildcard.ts';
import { type Namespace, namespaceOf } from './namespace.ts';

/**
 * Which collections a backup or a restore is about. Patterns are `DATABASE.COLLECTION`, in which `*` stands for any
 * characters, as with mongorestore's `--nsInclude`. Without an `include` it is all of them.
 */
export interface NamespaceFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

const matches = (pattern: string, each: Namespace): boolean => fitsWildcard(pattern, namespaceOf(each));

const check = (option: string, pattern: string): void => {
  if (/^[^.]+\../s.test(pattern)) return;
  throw new DeployError('usage', `--${option} ${pattern}: it is no DATABASE.COLLECTION`, {
    hint: `for example --${option} app.sessions, or --${option} 'app.*'`,
  });
};

/** Null where nothing is left out. `usage` names a pattern that can't be one. */
export const namespaceFilter = ({ include, exclude }: NamespaceFilter): NamespaceFilter | null => {
  for (const pattern of include) check('include', pattern);
  for (const pattern of exclude) check('exclude', pattern);
  return include.length + exclude.length === 0 ? null : { include, exclude };
};

export const isChosen = (filter: NamespaceFilter | null, each: Namespace): boolean => {
  if (filter === null) return true;
  const included = filter.include.length === 0 || filter.include.some((pattern) => matches(pattern, each));
  return included && !filter.exclude.some((pattern) => matches(pattern, each));
};

/**
 * What the filter chooses. `not-found` when a pattern to include matches nothing, or nothing is left: a backup without what
 * it was made for would be found out too late. `where`: what was looked through, for the message.
 */
export const choose = <T extends Namespace>(
  filter: NamespaceFilter | null,
  namespaces: readonly T[],
  where: string,
): readonly T[] => {
  if (filter === null) return namespaces;
  const idle = filter.include.find((pattern) => !namespaces.some((each) => matches(pattern, each)));
  const chosen = namespaces.filter((each) => isChosen(filter, each));
  if (idle === undefined && chosen.length > 0) return chosen;
  const names = namespaces.map(namespaceOf);
  throw new DeployError(
    'not-found',
    idle === undefined
      ? `${filterText(filter)} leaves nothing of ${where}`
      : `--include ${idle} matches nothing in ${where}`,
    {
      hint: names.length === 0 ? 'there is nothing in it' : `there are ${names.slice(0, 10).join(', ')}`,
      details: names.slice(10, 50),
    },
  );
};

/** As it would be typed. */
export const filterText = ({ include, exclude }: NamespaceFilter): string =>
  [...include.map((pattern) => `--include ${pattern}`), ...exclude.map((pattern) => `--exclude ${pattern}`)].join(' ');
