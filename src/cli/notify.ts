import type { NotifyTestReport } from '../deploy/notify-test.ts';
import { DeployError } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import { readGlobalOptions } from './global-options.ts';
import { look } from './look.ts';
import { formatDuration, printable } from './render/format.ts';
import type { View } from './render/view.ts';
import { type DefineVerb, examples } from './verb.ts';

const reportLines = ({ notifiers }: NotifyTestReport, { paint }: View): readonly string[] => {
  const width = Math.max(...notifiers.map(({ name, type }) => `${name} (${type})`.length));
  return notifiers.map(({ name, type, problem, elapsedMs }) => {
    const who = `${name} (${type})`.padEnd(width);
    return problem === null
      ? `${paint('green', 'ok  ')}  ${who}  in ${formatDuration(elapsedMs)}`
      : `${paint('red', 'fail')}  ${who}  ${printable(problem)}`;
  });
};

const defineTest: DefineVerb = (group, schedule) => {
  const command = group
    .command('test')
    .argument('[name]', 'one of them, by its name in the configuration; each unless told')
    .description('send a test message, and say whether it was taken; exit 3 when one was not')
    .addHelpText(
      'after',
      examples([
        ['notify test', 'after a change under `notify:`'],
        ['notify test ops', 'that one'],
      ]),
    );
  command.action((name: string | undefined) => {
    if (readGlobalOptions(command).dryRun) {
      throw new DeployError('usage', '--dry-run: a test that sends nothing tests nothing', {
        hint: 'kaleem-deploy config shows who would be told',
      });
    }
    look(schedule, {
      command,
      read: (app) => app.notifyTest(name ?? null),
      lines: reportLines,
      exitCode: ({ ok }) => (ok ? undefined : exitCodes['check-failed']),
    });
  });
};

export const defineNotify: DefineVerb = (program, schedule) => {
  defineTest(program.command('notify').description('whoever is told what becomes of operations: test'), schedule);
};
