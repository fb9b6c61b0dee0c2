import { BACKUP, DESTINATION, IMAGE_TAG, REQUEST_ID, SERVICE, TAG, type Value, wholeNumber } from './values.ts';

export interface OptionRule {
  readonly short?: string;
  /** A flag has none. */
  readonly value?: Value;
  readonly repeatable?: boolean;
}

export interface VerbRule {
  /** By their long names; for every verb those of `EVERY_VERB` too. */
  readonly options?: Readonly<Record<string, OptionRule>>;
  readonly operands?: { readonly value: Value; readonly least: number; readonly most: number };
}

/** How much of a log may be asked for at once. */
const MOST_LINES = 10_000;
const LONGEST_WAIT_SECONDS = 86_400;

/** Not `--config`: which project it is, is not the client's to say. */
export const EVERY_VERB: Readonly<Record<string, OptionRule>> = {
  '--destination': { short: '-d', value: DESTINATION },
  '--json': {},
  '--quiet': { short: '-q' },
  '--verbose': { short: '-v' },
  '--yes': { short: '-y' },
  '--dry-run': {},
  '--lock-wait': { value: wholeNumber(0, LONGEST_WAIT_SECONDS) },
  '--request-id': { value: REQUEST_ID },
};

/**
 * All that a key can be allowed to ask for. No option takes a path, and what is missing here is missing on purpose: what reads or writes
 * files of the client's choice, what shows configuration, what throws data away, what replaces services that no release sets.
 */
export const VERBS = {
  deploy: {
    options: { '--image': { value: IMAGE_TAG, repeatable: true }, '--restart-all': {} },
    operands: { value: TAG, least: 1, most: 1 },
  },
  rollback: { options: { '--with-database': {} }, operands: { value: TAG, least: 0, most: 1 } },
  recover: {},
  attach: {},
  abort: {},
  status: {},
  history: { options: { '--limit': { short: '-n', value: wholeNumber(1, 1_000) } } },
  releases: {},
  images: {},
  logs: {
    options: { '--follow': { short: '-f' }, '--tail': { value: wholeNumber(0, MOST_LINES) } },
    operands: { value: SERVICE, least: 0, most: 20 },
  },
  health: {},
  doctor: {},
  'backup create': {},
  'backup list': {},
  'backup show': { operands: { value: BACKUP, least: 1, most: 1 } },
  'backup verify': { options: { '--newest': {}, '--all': {} }, operands: { value: BACKUP, least: 0, most: 1 } },
  'backup drill': { operands: { value: BACKUP, least: 0, most: 1 } },
  'backup push': {},
  'maintenance on': {},
  'maintenance off': {},
  'lock status': {},
  version: {},
} as const satisfies Readonly<Record<string, VerbRule>>;

export type VerbName = keyof typeof VERBS;

export const isVerb = (name: string): name is VerbName => Object.hasOwn(VERBS, name);

/** A rollback of the data is a right of its own: what was written since is only in a copy afterwards. */
export const WITH_DATABASE = 'rollback --with-database';

/** What a key is given, one by one. Each may ask for the version, so that a client knows whom it talks to. */
export const RIGHTS = [
  ...(Object.keys(VERBS) as VerbName[]).filter((name) => name !== 'version'),
  WITH_DATABASE,
] as const;

/** `deploy TAG`, `logs [SERVICE...]`. */
export const usageOf = (right: string): string => {
  const { operands } = (isVerb(right) ? VERBS[right] : {}) as VerbRule;
  if (operands === undefined) return right;
  const name = `${operands.value.name}${operands.most > 1 ? '...' : ''}`;
  return `${right} ${operands.least === 0 ? `[${name}]` : name}`;
};
