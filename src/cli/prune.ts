import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

export const definePrune: DefineVerb = (program, schedule) => {
  const command = program
    .command('prune')
    .description('remove releases, images and backups that no rollback needs')
    .addHelpText(
      'after',
      examples([
        ['prune --dry-run', 'what would be removed'],
        ['prune --yes', 'without asking, for cron'],
      ]),
    );
  command.action(() =>
    operate(schedule, { command, interruption: 'ends', request: { kind: 'prune', what: 'all' }, confirm: 'prune' }),
  );
};
