import { assertTag } from '../compose/image-reference.ts';
import { operate } from './operate.ts';
import { type DefineVerb, examples } from './verb.ts';

interface Options {
  readonly withDatabase?: boolean;
}

export const defineRollback: DefineVerb = (program, schedule) => {
  const command = program
    .command('rollback')
    .argument('[tag]', 'a kept release (default: the last known-good one)')
    .description('bring an earlier release back')
    .option('--with-database', "restore that release's backup too: what was written since is only in a copy")
    .addHelpText(
      'after',
      examples([
        ['rollback', 'images of the last known-good release; the database stays'],
        ['rollback v0.0.1', 'to a release of your choice (see `kaleem-deploy releases`)'],
        ['rollback --with-database --dry-run', 'what would be restored, and what would be lost'],
      ]),
    );
  command.action((tag: string | undefined, { withDatabase = false }: Options) => {
    if (tag !== undefined) assertTag(tag);
    const request = { tag: tag ?? null, withDatabase };
    const words = ['rollback', tag, '--with-database'].filter((word) => word !== undefined);
    operate(schedule, {
      command,
      interruption: 'rolls-back',
      request: { kind: 'rollback', request },
      confirm: withDatabase ? words.join(' ') : null,
    });
  });
};
