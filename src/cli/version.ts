import { VERSION } from '../version-number.ts';
import { type DefineVerb, examples } from './verb.ts';

export const defineVersion: DefineVerb = (program, schedule) => {
  const command = program
    .command('version')
    .description('print the version')
    .addHelpText('after', examples([['version --json', 'for a script']]));
  command.action(() =>
    schedule({
      command,
      interruption: 'reads',
      job: async (session) => {
        session.show({ version: VERSION }, () => [VERSION]);
        return undefined;
      },
    }),
  );
};
