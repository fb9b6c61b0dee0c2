import { type Argument, Command, CommanderError } from 'commander';
import { DeployError } from '../errors.ts';
import { VERSION } from '../version-number.ts';
import { defineAgent } from './agent.ts';
import { defineAbort, defineAttach } from './attach.ts';
import { defineBackup } from './backup.ts';
import { defineConfig } from './config.ts';
import { defineDeploy } from './deploy.ts';
import { defineDoctor } from './doctor.ts';
import { exitCodeMeanings } from './exit-codes.ts';
import { defineGate } from './gate.ts';
import { addGlobalOptions } from './global-options.ts';
import { defineHealth } from './health.ts';
import { defineHistory } from './history.ts';
import { defineImages } from './images.ts';
import { defineInit } from './init.ts';
import { defineLock } from './lock.ts';
import { defineLogs } from './logs.ts';
import { defineMaintenance } from './maintenance.ts';
import { assertNotMistyped } from './mistyped.ts';
import { defineNotify } from './notify.ts';
import { definePrune } from './prune.ts';
import { defineRecover } from './recover.ts';
import { defineReleases } from './releases.ts';
import { defineRollback } from './rollback.ts';
import { defineSetup } from './setup.ts';
import { defineStatus } from './status.ts';
import type { DefineVerb, Scheduled } from './verb.ts';
import { defineVersion } from './version.ts';
import { defineWatch } from './watch.ts';

/** In the order of `--help`. */
const verbs: readonly DefineVerb[] = [
  defineDeploy,
  defineRollback,
  defineRecover,
  defineAttach,
  defineAbort,
  defineStatus,
  defineHistory,
  defineReleases,
  defineImages,
  defineLogs,
  defineHealth,
  defineWatch,
  defineInit,
  defineDoctor,
  defineConfig,
  defineBackup,
  defineAgent,
  defineMaintenance,
  defineNotify,
  defineLock,
  defineSetup,
  defineGate,
  definePrune,
  defineVersion,
];

const footer = [
  '',
  'Examples:',
  '  kaleem-deploy v0.0.2              deploy it',
  '  kaleem-deploy v0.0.2 --dry-run    what it would do',
  '  kaleem-deploy rollback            back to the last known-good release',
  '  kaleem-deploy --host prod v0.0.2  deploy it there, over SSH',
  '',
  'Exit codes:',
  ...exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
].join('\n');

/** What was typed, understood: a verb to run, or text to print and be done. */
export type Parsed =
  | { readonly type: 'run'; readonly scheduled: Scheduled }
  | { readonly type: 'text'; readonly text: string };

const everyCommand = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(everyCommand)];

const humanReadableArgument = (argument: Argument): string => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

/** `deploy --tial` -> what to type for help: "kaleem-deploy deploy --help". */
const helpFor = (argv: readonly string[], program: Command): string => {
  let at = program;
  for (const word of argv) at = at.commands.find((command) => command.name() === word) ?? at;
  const path = at === program ? [] : [at.parent === program ? '' : `${at.parent?.name()} `, at.name(), ' '];
  return `kaleem-deploy ${path.join('')}--help`;
};

/** Commander's messages are "error: what" and sometimes "(Did you mean x?)" on a second line. */
const usageError = (error: CommanderError, help: string): DeployError => {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const meant = rest.join(' ').match(/^\(Did you mean (.*)\?\)$/)?.[1];
  return new DeployError('usage', first, { hint: meant === undefined ? help : `did you mean ${meant}? see ${help}` });
};

/** Parses the command line. Runs and touches nothing. Throws 'usage' and 'tag-invalid'. */
export const parse = (argv: readonly string[]): Parsed => {
  let scheduled: Scheduled | null = null;
  let text = '';
  const program = new Command('kaleem-deploy')
    .description('Deploys a Docker Compose application; a failed deploy brings back the old images and the database.')
    .usage('[options] <tag> | <verb>')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [verb]', 'show help for a verb')
    .configureHelp({
      showGlobalOptions: true,
      // `[options]` on every line says nothing.
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(humanReadableArgument)].join(' '),
    })
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: () => {},
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText('after', footer);
  addGlobalOptions(program, { hidden: false });
  for (const define of verbs) {
    define(program, (next) => {
      scheduled = next;
    });
  }
  for (const command of everyCommand(program).slice(1)) addGlobalOptions(command, { hidden: true });
  const names = [...program.commands.map((command) => command.name()), 'help'];
  let implicit = false;
  program.hook('preSubcommand', (_program, verb) => {
    // Commander sends what is no verb to deploy, the default one. What its options are is not known yet.
    const [word = ''] = program.args;
    implicit = verb.name() === 'deploy' && word !== 'deploy';
    if (implicit && !word.startsWith('-')) assertNotMistyped(word, names);
  });

  if (argv.length === 0) {
    throw new DeployError('usage', 'what is to be done?', {
      hint: 'kaleem-deploy <tag> deploys; kaleem-deploy --help lists the verbs',
    });
  }
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: 'text', text };
    if (error.code === 'commander.help') {
      const help = helpFor(argv, program);
      throw new DeployError('usage', 'a verb is missing', { hint: help });
    }
    throw usageError(error, helpFor(argv, program));
  }
  const [tag] = program.commands.find((command) => command.name() === 'deploy')?.args ?? [];
  if (implicit && tag !== undefined) assertNotMistyped(tag, names);
  if (scheduled === null) throw new DeployError('bug', `nothing was scheduled for: ${argv.join(' ')}`);
  return { type: 'run', scheduled };
};
