import type { VerifyRequest } from '../deploy/app.ts';
import { DeployError } from '../errors.ts';
import { defineBackupPull, defineBackupPush } from './backup-copies.ts';
import { defineBackupRestore } from './backup-restore.ts';
import { exitCodes } from './exit-codes.ts';
import { identityOption } from './identity-option.ts';
import { look } from './look.ts';
import { excludeOption, filterOf, includeOption, type NamespaceOptions } from './namespace-options.ts';
import { operate } from './operate.ts';
import { backupDetailLines, backupListLines, verifyLines } from './render/backup.ts';
import { type DefineVerb, examples } from './verb.ts';

const defineCreate: DefineVerb = (group, schedule) => {
  const command = group
    .command('create')
    .description('back the database up and verify the backup; nothing is stopped')
    .addOption(includeOption())
    .addOption(excludeOption())
    .addHelpText(
      'after',
      examples([
        ['backup create -q', 'for cron'],
        ['backup create --exclude app.sessions', 'a partial one: no rollback uses it'],
      ]),
    );
  command.action((options: NamespaceOptions) =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'backup', request: { filter: filterOf(options) } },
      confirm: null,
    }),
  );
};

const defineList: DefineVerb = (group, schedule) => {
  const command = group
    .command('list')
    .description('backups, newest first')
    .option('--copy <place>', 'those at a place elsewhere')
    .addHelpText(
      'after',
      examples([
        ['backup list', 'NEEDED BY: releases whose rollback needs it'],
        ['backup list --copy attic', 'asks the place'],
      ]),
    );
  command.action(({ copy }: { readonly copy?: string }) =>
    look(schedule, {
      command,
      read: (app) => (copy === undefined ? app.backupList() : app.backupCopies(copy)),
      lines: backupListLines,
    }),
  );
};

const defineShow: DefineVerb = (group, schedule) => {
  const command = group
    .command('show')
    .argument('<id>', 'as `backup list` shows it')
    .description('what is in a backup')
    .addHelpText('after', examples([['backup show 000012-v0.0.1', 'its collections, sizes and checksums']]));
  command.action((id: string) =>
    look(schedule, { command, read: (app) => app.backupShow(id), lines: backupDetailLines }),
  );
};

interface Which {
  readonly identity?: string | null;
  readonly all?: boolean;
  readonly newest?: boolean;
}

const defineVerify: DefineVerb = (group, schedule) => {
  const command = group
    .command('verify')
    .argument('[id-or-file]', 'a backup, or the path of an archive')
    .description('read whole backups and check every checksum; exit 31 when one is wrong')
    .option('--all', 'every backup there is')
    .option('--newest', 'the newest one')
    .addOption(identityOption())
    .addHelpText(
      'after',
      examples([
        ['backup verify 000012-v0.0.1', 'a backup of this project'],
        ['backup verify --all -q', 'for cron'],
        ['backup verify ./dump.archive.gz', 'an archive from elsewhere, mongodump included'],
      ]),
    );
  command.action((backup: string | undefined, { all = false, newest = false, identity = null }: Which) => {
    if ([backup !== undefined, all, newest].filter(Boolean).length !== 1) {
      throw new DeployError('usage', 'which backup? an id, the path of an archive, --newest or --all', {
        hint: 'kaleem-deploy backup verify --help',
      });
    }
    const request: VerifyRequest =
      backup === undefined ? { which: all ? 'all' : 'newest', identity } : { which: 'one', backup, identity };
    look(schedule, {
      command,
      read: (app) => app.backupVerify(request),
      lines: verifyLines,
      exitCode: ({ bad, locked }) => {
        if (bad.length > 0) return exitCodes['backup-invalid'];
        return locked.length > 0 ? exitCodes['identity-missing'] : undefined;
      },
    });
  });
};

const definePrune: DefineVerb = (group, schedule) => {
  const command = group
    .command('prune')
    .description(
      'remove backups, and copies of them elsewhere, beyond those that are kept; never one that a rollback needs',
    )
    .addHelpText('after', examples([['backup prune --dry-run', 'what would be removed']]));
  command.action(() =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'prune', what: 'backups' },
      confirm: 'backup prune',
    }),
  );
};

const defineDrill: DefineVerb = (group, schedule) => {
  const command = group
    .command('drill')
    .argument('[id-or-file]', 'a backup, or the path of an archive; the newest backup unless told')
    .description(
      'restore a backup into a scratch database, compare, and remove it again; exit 3 when it cannot be restored',
    )
    .addOption(identityOption())
    .addHelpText('after', examples([['backup drill -q', 'for cron: nothing live is touched']]));
  command.action((backup: string | undefined, { identity = null }: Pick<Which, 'identity'>) =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'drill', request: { backup: backup ?? null, identity } },
      confirm: null,
    }),
  );
};

const definePin: DefineVerb = (group, schedule) => {
  const command = group
    .command('pin')
    .argument('<id>', 'as `backup list` shows it')
    .description('have prune keep a backup, whatever its rules say')
    .option('--reason <text>', 'for whoever wonders later', '')
    .addHelpText(
      'after',
      examples([["backup pin 000012-v0.0.1 --reason 'before the merger'", 'until it is unpinned']]),
    );
  command.action((backup: string, { reason }: { readonly reason: string }) =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'pin', request: { backup, pinned: true, reason } },
      confirm: null,
    }),
  );
};

const defineUnpin: DefineVerb = (group, schedule) => {
  const command = group
    .command('unpin')
    .argument('<id>', 'as `backup list` shows it')
    .description('leave a pinned backup to the rules again')
    .addHelpText('after', examples([['backup unpin 000012-v0.0.1', 'the next prune may remove it']]));
  command.action((backup: string) =>
    operate(schedule, {
      command,
      interruption: 'ends',
      request: { kind: 'pin', request: { backup, pinned: false, reason: '' } },
      confirm: null,
    }),
  );
};

export const defineBackup: DefineVerb = (program, schedule) => {
  const group = program
    .command('backup')
    .description('backups of the database: create, list, show, verify, drill, restore, push, pull, pin, unpin, prune');
  for (const define of [
    defineCreate,
    defineList,
    defineShow,
    defineVerify,
    defineDrill,
    defineBackupRestore,
    defineBackupPush,
    defineBackupPull,
    definePin,
    defineUnpin,
    definePrune,
  ]) {
    define(group, schedule);
  }
};
