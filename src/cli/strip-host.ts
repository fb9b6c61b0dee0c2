import { DeployError } from '../errors.ts';
import { parse } from './parse.ts';
import type { Scheduled } from './verb.ts';

const withoutHost = (argv: readonly string[]): readonly string[] => {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const kept = words.filter((word, index) => {
    const isValue = words[index - 1] === '--host';
    return !isValue && word !== '--host' && !word.startsWith('--host=');
  });
  return [...kept, ...argv.slice(words.length)];
};

/** Everything that was understood but the host. */
const understood = ({ command }: Scheduled): string => {
  const { host: _, ...options } = command.optsWithGlobals() as Readonly<Record<string, unknown>>;
  const sorted = Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify([command.name(), command.parent?.name(), command.args, sorted]);
};

/**
 * The command line without `--host`, for the other host: as it was typed, since what is understood there may be more than
 * here. What is left must mean the same: a value of another option may look like `--host`.
 */
export const stripHost = (argv: readonly string[], scheduled: Scheduled): readonly string[] => {
  const stripped = withoutHost(argv);
  const parsed = parse(stripped);
  if (parsed.type === 'run' && understood(parsed.scheduled) === understood(scheduled)) return stripped;
  throw new DeployError('usage', 'what belongs to --host is not clear', {
    hint: 'write it first: kaleem-deploy --host HOST ...',
  });
};
