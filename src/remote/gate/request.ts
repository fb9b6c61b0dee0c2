import { refusal, shown } from './refusal.ts';
import { TAG, type Value } from './values.ts';
import { EVERY_VERB, isVerb, type OptionRule, VERBS, type VerbName, type VerbRule } from './verbs.ts';

/** A command, understood: each part has passed its grammar. */
export interface Request {
  readonly verb: VerbName;
  /** Values by the long names of options; a flag has none. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
}

const PROGRAM = 'kaleem-deploy';

const GROUPS: ReadonlySet<string> = new Set(
  Object.keys(VERBS).flatMap((name) => (name.includes(' ') ? [name.split(' ')[0] ?? ''] : [])),
);

const findRule = (word: string, options: Readonly<Record<string, OptionRule>>): readonly [string, OptionRule] | null =>
  Object.entries(options).find(([long, { short }]) => word === long || word === short) ?? null;

const check = (value: Value, text: string, what: string): string => {
  if (value.fits(text)) return text;
  throw refusal(`${what} must be ${value.what}, not ${shown(text)}`);
};

/** What stands first and is no verb is a tag, as on the command line, but only where it can't be a verb that was mistyped or is refused. */
const isPlainlyTag = (word: string): boolean => TAG.fits(word) && /[\d.]/.test(word);

/** Parses the words of a command against the fixed list of verbs. `gate-refused` says what is not allowed. */
export const parseRequest = (words: readonly string[]): Request => {
  const [program, ...rest] = words;
  if (program === undefined) throw refusal('the command is empty');
  if (program !== PROGRAM) throw refusal(`the command must begin with ${PROGRAM}, not with ${shown(program)}`);
  const queue = [...rest];
  const options = new Map<string, readonly string[]>();
  const operands: string[] = [];
  let verb: VerbName | null = null;

  const takeVerb = (word: string): VerbName => {
    if (isPlainlyTag(word)) {
      operands.push(word);
      return 'deploy';
    }
    const name = GROUPS.has(word) ? `${word} ${queue.shift() ?? ''}`.trimEnd() : word;
    // One word in quotes, `'backup list'`, is no verb of two.
    if (!word.includes(' ') && isVerb(name)) return name;
    throw refusal(
      `${shown(name)} is nothing that a key can be allowed${TAG.fits(name) ? `; as a tag: deploy ${name}` : ''}`,
    );
  };
  const takeOption = (word: string): void => {
    const at = word.startsWith('--') ? word.indexOf('=') : -1;
    const typed = at === -1 ? word : word.slice(0, at);
    const own = verb === null ? {} : ((VERBS[verb] as VerbRule).options ?? {});
    const found = findRule(typed, { ...EVERY_VERB, ...own });
    if (found === null)
      throw refusal(
        `${shown(typed)} is no option that a key can be allowed${verb === null ? ' before a verb' : ` with ${verb}`}`,
      );
    const [name, { value, repeatable = false }] = found;
    const before = options.get(name);
    if (before !== undefined && !repeatable) throw refusal(`${name} is given twice`);
    if (value === undefined) {
      if (at !== -1) throw refusal(`${name} takes no value`);
      options.set(name, []);
      return;
    }
    const text = at === -1 ? queue.shift() : word.slice(at + 1);
    if (text === undefined) throw refusal(`${name} needs a value`);
    options.set(name, [...(before ?? []), check(value, text, name)]);
  };

  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word.startsWith('-')) takeOption(word);
    else if (verb === null) verb = takeVerb(word);
    else operands.push(word);
  }
  if (verb === null) throw refusal('a verb is missing');
  const rule = (VERBS[verb] as VerbRule).operands ?? { value: TAG, least: 0, most: 0 };
  if (operands.length < rule.least) throw refusal(`${verb} needs ${rule.value.what}`);
  if (operands.length > rule.most) throw refusal(`too many words after ${verb}: ${shown(operands[rule.most] ?? '')}`);
  for (const operand of operands) check(rule.value, operand, `what follows ${verb}`);
  return { verb, options, operands };
};
