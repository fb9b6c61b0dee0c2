import { look } from './look.ts';
import { statusLines } from './render/status.ts';
import { type DefineVerb, examples } from './verb.ts';

export const defineStatus: DefineVerb = (program, schedule) => {
  const command = program
    .command('status')
    .description('what is live, and whether anything needs attention')
    .addHelpText(
      'after',
      examples([
        ['status', 'for a person'],
        ['status --json', 'for a script'],
      ]),
    );
  command.action(() => look(schedule, { command, read: (app) => app.status(), lines: statusLines }));
};
