import { type Command, InvalidArgumentError, Option } from 'commander';
import { DeployError } from '../errors.ts';
import { isRequestId } from '../operation/request-id.ts';

/** Options that every verb takes, before or after it. */
export interface GlobalOptions {
  readonly config: string | null;
  readonly destination: string | null;
  /** Where the verb is to run; null: here. */
  readonly host: string | null;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly lockWaitMs: number;
  /** Null: each time it is typed it is done. */
  readonly requestId: string | null;
}

const seconds = (text: string): number => {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, such as 30.');
  return Number(text);
};

const notEmpty = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('It is empty.');
  return text;
};

const requestId = (text: string): string => {
  if (!isRequestId(text))
    throw new InvalidArgumentError('Expected 1 to 64 letters, digits, dots, dashes and underscores.');
  return text;
};

const definitions = (): readonly Option[] => [
  new Option('-c, --config <file>', 'configuration file (default: kaleem-deploy.yml, where there is one)').argParser(
    notEmpty,
  ),
  new Option('-d, --destination <name>', 'with the overlay kaleem-deploy.<name>.yml').argParser(notEmpty),
  new Option('--host <host>', 'run it there, over SSH: a name of `hosts:` or of ~/.ssh/config').argParser(notEmpty),
  new Option('--json', 'print one JSON document (JSON lines with --follow)'),
  new Option('-q, --quiet', 'no progress, only warnings and errors'),
  new Option('-v, --verbose', 'every detail, and the stack of an error'),
  new Option('-y, --yes', 'confirm what would otherwise be asked'),
  new Option('--dry-run', 'print what would be done, and do nothing'),
  new Option('--lock-wait <seconds>', 'wait so long for another operation to end (default: do not wait)').argParser(
    seconds,
  ),
  new Option('--request-id <id>', 'a name of yours: the same command again with it is done once').argParser(requestId),
];

/** On a verb they are hidden, and there only for the sake of combined short flags (`-fq`); the program takes the others. */
export const addGlobalOptions = (command: Command, { hidden }: { readonly hidden: boolean }): void => {
  for (const option of definitions()) command.addOption(hidden ? option.hideHelp() : option);
};

interface Given {
  readonly config?: string;
  readonly destination?: string;
  readonly host?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly lockWait?: number;
  readonly requestId?: string;
}

/** What was given on the program and on the verb, together. Contradictions are 'usage'. */
export const readGlobalOptions = (verb: Command): GlobalOptions => {
  const given: Given = verb.optsWithGlobals();
  if (given.quiet && given.verbose) {
    throw new DeployError('usage', '--quiet and --verbose contradict each other', { hint: 'leave one out' });
  }
  return {
    config: given.config ?? null,
    destination: given.destination ?? null,
    host: given.host ?? null,
    json: given.json ?? false,
    quiet: given.quiet ?? false,
    verbose: given.verbose ?? false,
    yes: given.yes ?? false,
    dryRun: given.dryRun ?? false,
    lockWaitMs: (given.lockWait ?? 0) * 1_000,
    requestId: given.requestId ?? null,
  };
};

/** The options that say which project is meant, for commands that are run beside the one that was typed. */
export const scopeOf = ({ config, destination }: Pick<GlobalOptions, 'config' | 'destination'>): readonly string[] => [
  ...(config === null ? [] : ['--config', config]),
  ...(destination === null ? [] : ['--destination', destination]),
];
