import type { GateReport } from '../health/poll.ts';
import { exitCodes } from './exit-codes.ts';
import { look } from './look.ts';
import { formatDuration, plural, printableLine } from './render/format.ts';
import type { View } from './render/view.ts';
import { type DefineVerb, examples } from './verb.ts';

const gateLines = (gates: readonly GateReport[], { paint }: View): readonly string[] => {
  const failed = gates.filter(({ ok }) => !ok).length;
  return [
    ...gates.map(({ ok, gate, elapsedMs, detail }) => {
      const status = ok ? paint('green', 'ok') : paint('red', 'failed');
      return `${status}  ${gate}  ${formatDuration(elapsedMs)}  ${printableLine(detail)}`.trimEnd();
    }),
    failed === 0 ? `healthy: ${plural(gates.length, 'gate')} passed` : `not healthy: ${plural(failed, 'gate')} failed`,
  ];
};

export const defineHealth: DefineVerb = (program, schedule) => {
  const command = program
    .command('health')
    .description('run every gate once; exit 3 when one fails')
    .addHelpText('after', examples([['health -q', 'for a cron job: the exit code says it']]));
  command.action(() =>
    look(schedule, {
      command,
      read: (app) => app.health(),
      lines: ({ gates }, view) => gateLines(gates, view),
      exitCode: ({ ok }) => (ok ? undefined : exitCodes['check-failed']),
    }),
  );
};
