import { identityOption } from './identity-option.ts';
import { excludeOption, filterOf, includeOption, type NamespaceOptions } from './namespace-options.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Options extends NamespaceOptions {
  readonly from?: string;
  readonly dropExtra?: boolean;
  readonly force?: boolean;
  readonly identity?: string | null;
}

export const defineBackupRestore: DefineVerb = (group, schedule) => {
  const command = group
    .command('restore')
    .argument('<id-or-file>', 'a backup, or the path of an archive')
    .description('put a backup in the place of the database, behind the fence, after a copy of what is there')
    .option('--from <place>', 'bring it from a place for copies first')
    .option('--drop-extra', 'drop collections that the backup does not know')
    .addOption(includeOption())
    .addOption(excludeOption())
    .option('--force', 'although it is of another database or server version')
    .addOption(identityOption())
    .addHelpText(
      'after',
      examples([
        ['backup restore 000012-v0.0.1 --dry-run', 'what it would replace'],
        ['backup restore 000012-v0.0.1', 'asks first'],
        ['backup restore 000012-v0.0.1 --include app.orders', 'one collection of it'],
        ['backup restore 000012-v0.0.1 --from attic', 'when it is on this host no more'],
      ]),
    );
  command.action(
    (backup: string, { from, dropExtra = false, force = false, identity = null, ...namespaces }: Options) => {
      const request = { backup, from: from ?? null, dropExtra, force, identity, filter: filterOf(namespaces) };
      operate(schedule, {
        command,
        interruption: 'rolls-back',
        request: { kind: 'restore', request },
        confirm: `backup restore ${backup}`,
      });
    },
  );
};
