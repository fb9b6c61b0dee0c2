import type { PushRequest } from '../deploy/app.ts';
import { DeployError } from '../errors.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

interface PushOptions {
  readonly all?: boolean;
  readonly to?: string;
}

export const defineBackupPush: DefineVerb = (group, schedule) => {
  const command = group
    .command('push')
    .argument('[id]', 'as `backup list` shows it; every one that a place lacks and would keep unless told')
    .description('copy backups to the places elsewhere; exit 40 when a place cannot be reached')
    .option('--all', 'also those that a place would not keep')
    .option('--to <place>', 'to this place alone')
    .addHelpText(
      'after',
      examples([
        ['backup push -q', 'for cron'],
        ['backup push --dry-run', 'what the places lack'],
      ]),
    );
  command.action((id: string | undefined, { all = false, to }: PushOptions) => {
    if (id !== undefined && all) {
      throw new DeployError('usage', 'an id, or --all: not both', { hint: 'kaleem-deploy backup push --help' });
    }
    const which: PushRequest['which'] = id === undefined ? (all ? 'all' : 'wanted') : { id };
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'push', request: { which, place: to ?? null } },
      confirm: null,
    });
  });
};

export const defineBackupPull: DefineVerb = (group, schedule) => {
  const command = group
    .command('pull')
    .argument('<id>', 'as `backup list --copy` shows it')
    .description('bring a backup back from a place, and verify it')
    .requiredOption('--from <place>', 'the place')
    .addHelpText('after', examples([['backup pull 000012-v0.0.1 --from attic', 'into the folder of the backups']]));
  command.action((backup: string, { from }: { readonly from: string }) =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'pull', request: { backup, from } },
      confirm: null,
    }),
  );
};
