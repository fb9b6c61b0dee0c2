import type { LogLine } from '../deploy/app.ts';
import { wholeNumber } from './argument-parsers.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Options {
  readonly follow?: boolean;
  readonly tail: number | 'all';
}

const tail = (text: string): number | 'all' => (text === 'all' ? 'all' : wholeNumber(0)(text));

export const defineLogs: DefineVerb = (program, schedule) => {
  const command = program
    .command('logs')
    .argument('[service...]', 'services (default: all)')
    .description('what the services said')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('--tail <number>', 'last lines of each container, or `all`', tail, 100)
    .addHelpText(
      'after',
      examples([
        ['logs api', 'the last 100 lines of api'],
        ['logs -f api frontend', 'both, as they come'],
        ['logs --tail all --json', 'everything, for a script'],
      ]),
    );
  command.action((services: readonly string[], options: Options) =>
    schedule({
      command,
      interruption: 'reads',
      job: (session) =>
        session.withApp(async (app) => {
          const { json } = session.options;
          const { follow = false } = options;
          const kept: LogLine[] = [];
          const onLine = (line: LogLine): void => {
            if (!json) session.output.result([services.length === 1 ? line.text : `${line.container}  ${line.text}`]);
            else if (follow) session.output.document(line, { oneLine: true });
            else kept.push(line);
          };
          await app.logs({ services, follow, tail: options.tail === 'all' ? null : options.tail, onLine });
          if (json && !follow) session.output.document(kept);
          return undefined;
        }),
    }),
  );
};
