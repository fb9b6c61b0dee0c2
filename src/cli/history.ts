import type { OperationRecord } from '../operation/operations.ts';
import { wholeNumber } from './argument-parsers.ts';
import { look } from './look.ts';
import { formatAgo, formatDuration } from './render/format.ts';
import { table } from './render/table.ts';
import type { View } from './render/view.ts';
import { type DefineVerb, examples } from './verb.ts';

const historyLines = (records: readonly OperationRecord[], { now }: View): readonly string[] =>
  records.length === 0
    ? ['nothing has happened yet']
    : table(
        [
          { title: 'OPERATION' },
          { title: 'WHAT' },
          { title: 'OUTCOME' },
          { title: 'EXIT', align: 'right' },
          { title: 'WHEN' },
          { title: 'TOOK', align: 'right' },
          { title: 'WHO' },
        ],
        records.map((record) => [
          record.id,
          `${record.kind} ${record.subject}`.trimEnd(),
          record.outcome ?? 'unfinished',
          record.exitCode === null ? null : String(record.exitCode),
          formatAgo(record.startedAt, now),
          record.durationMs === null ? null : formatDuration(record.durationMs),
          record.who,
        ]),
      );

export const defineHistory: DefineVerb = (program, schedule) => {
  const command = program
    .command('history')
    .description('operations, newest first')
    .option('-n, --limit <number>', 'how many at most', wholeNumber(1), 20)
    .addHelpText(
      'after',
      examples([
        ['history', 'the last 20 operations'],
        ['history -n 1 --json', 'the last one, for a script'],
      ]),
    );
  command.action(({ limit }: { readonly limit: number }) =>
    look(schedule, { command, read: async (app) => (await app.history()).slice(0, limit), lines: historyLines }),
  );
};
