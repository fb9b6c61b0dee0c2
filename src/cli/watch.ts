import type { WatchReport } from '../deploy/watch/watch.ts';
import { exitCodes } from './exit-codes.ts';
import { look } from './look.ts';
import { formatAgo, printable, printableLine } from './render/format.ts';
import type { View } from './render/view.ts';
import { type DefineVerb, examples } from './verb.ts';

const words = { ok: 'ok', bad: 'bad', skipped: 'not looked at' } as const;
const colors = { ok: 'green', bad: 'red', skipped: 'yellow' } as const;

const watchLines = ({ findings }: WatchReport, { now, paint }: View): readonly string[] =>
  findings.flatMap(({ what, status, detail, hint, since }) => {
    const first = since === null || since === now.toISOString() ? '' : ` (since ${formatAgo(since, now)})`;
    return [
      `${paint(colors[status], words[status])}  ${what}: ${printableLine(detail)}${first}`,
      ...(hint === null ? [] : [`  -> ${printable(hint)}`]),
    ];
  });

export const defineWatch: DefineVerb = (program, schedule) => {
  const command = program
    .command('watch')
    .description(
      'look whether all is well (gates, backups, disks), and tell who is to be told when that changes; exit 3 when it is not',
    )
    .addHelpText('after', examples([['watch -q', 'for cron, where no agent does it']]));
  command.action(() =>
    look(schedule, {
      command,
      read: (app) => app.watch(),
      lines: watchLines,
      exitCode: ({ ok }) => (ok ? undefined : exitCodes['check-failed']),
    }),
  );
};
