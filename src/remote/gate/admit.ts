import { fitsWildcard } from '../../system/wildcard.ts';
import { refusal } from './refusal.ts';
import type { Request } from './request.ts';
import { imageTagOf } from './values.ts';
import { WITH_DATABASE } from './verbs.ts';

/** What one key may do. */
export interface KeyRights {
  /** Names of `RIGHTS`. */
  readonly verbs: readonly string[];
  /** Patterns in which `*` stands for any characters; null: any tag. */
  readonly tags: readonly string[] | null;
  /** `BASE` is the project without a destination. */
  readonly destinations: readonly string[];
}

export const BASE = '.';

const assertTags = (tags: KeyRights['tags'], { options, operands, verb }: Request): void => {
  if (tags === null || (verb !== 'deploy' && verb !== 'rollback')) return;
  const images = (options.get('--image') ?? []).map((text) => imageTagOf(text)?.tag ?? '');
  const bad = [...operands, ...images].find((tag) => !tags.some((pattern) => fitsWildcard(pattern, tag)));
  if (bad !== undefined) throw refusal(`this key may not use the tag ${bad}: only ${tags.join(', ')}`);
};

/** Which of the key's destinations it is; who has one only need not name it. */
const destinationOf = (destinations: readonly string[], asked: string | undefined): string => {
  const only = destinations.length === 1 ? destinations[0] : undefined;
  const base = destinations.includes(BASE) ? BASE : undefined;
  const chosen = asked ?? only ?? base;
  if (chosen !== undefined && destinations.includes(chosen)) return chosen;
  const names = destinations.filter((name) => name !== BASE).map((name) => `-d ${name}`);
  if (chosen === undefined) throw refusal(`this key must say which destination: ${names.join(' or ')}`);
  const may = [...(base === undefined ? [] : ['none at all']), ...names].join(', ');
  throw refusal(`this key may not use the destination ${chosen}, but ${may}`);
};

/** The right that a request needs; null: every key has it. */
const rightFor = ({ verb, options }: Request): string | null => {
  if (verb === 'version') return null;
  return verb === 'rollback' && options.has('--with-database') ? WITH_DATABASE : verb;
};

/**
 * The command line for what a key asks, made anew from what was understood: the configuration and the destination are the gate's own
 * words. `gate-refused` when the key may not ask for it.
 */
export const admit = (request: Request, rights: KeyRights, configFile: string | null): readonly string[] => {
  const { verb, options, operands } = request;
  const right = rightFor(request);
  if (right !== null && !rights.verbs.includes(right)) throw refusal(`this key may not: ${right}`);
  assertTags(rights.tags, request);
  const destination = destinationOf(rights.destinations, options.get('--destination')?.[0]);
  const given = [...options].filter(([name]) => name !== '--destination');
  return [
    ...(configFile === null ? [] : [`--config=${configFile}`]),
    ...(destination === BASE ? [] : [`--destination=${destination}`]),
    ...verb.split(' '),
    ...given.flatMap(([name, values]) => (values.length === 0 ? [name] : values.map((value) => `${name}=${value}`))),
    ...operands,
  ];
};
