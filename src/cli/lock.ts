import { look } from './look.ts';
import { lockLine } from './render/status.ts';
import { type DefineVerb, examples } from './verb.ts';

export const defineLock: DefineVerb = (program, schedule) => {
  const command = program
    .command('lock')
    .description('who has the project')
    .command('status')
    .description('whether an operation runs, and whose')
    .addHelpText('after', examples([['lock status', 'free, or held by whom']]));
  command.action(() =>
    look(schedule, {
      command,
      read: (app) => app.lockStatus(),
      lines: (status, { now }) => [lockLine(status, now)],
    }),
  );
};
