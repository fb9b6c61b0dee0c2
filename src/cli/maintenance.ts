import type { MaintenanceMode } from '../deploy/app.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

const meanings = {
  on: 'raise the fence: requests get 503',
  off: 'lift the fence',
} as const satisfies Record<MaintenanceMode, string>;

export const defineMaintenance: DefineVerb = (program, schedule) => {
  const group = program.command('maintenance').description('keep requests out by hand: on, off');
  for (const mode of ['on', 'off'] as const) {
    const command = group.command(mode).description(meanings[mode]);
    command.addHelpText('after', examples([[`maintenance ${mode}`, meanings[mode]]]));
    command.action(() =>
      operate(schedule, { command, interruption: 'ends', request: { kind: 'maintenance', mode }, confirm: null }),
    );
  }
};
