import { defineBackupRestore } from './backup-restore.ts';
import { look } from './look.ts';
import { operate } from './operate.ts';
import { backupDetailLines, backupListLines, verifiedLine } from './render/backup.ts';
import { type DefineVerb, examples } from './verb.ts';

const defineCreate: DefineVerb = (group, schedule) => {
  const command = group
    .command('create')
    .description('back the database up and verify the backup; nothing is stopped')
    .addHelpText('after', examples([['backup create -q', 'for cron']]));
  command.action(() =>
    schedule({
      command,
      interruption: 'ends',
      job: (session) =>
        operate(session, {
          request: { kind: 'backup' },
          confirm: null,
        }),
    }),
  );
};

const defineList: DefineVerb = (group, schedule) => {
  const command = group
    .command('list')
    .description('backups, newest first')
    .addHelpText('after', examples([['backup list', 'NEEDED BY: releases whose rollback needs it']]));
  command.action(() => look(schedule, { command, read: (app) => app.backupList(), lines: backupListLines }));
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

const defineVerify: DefineVerb = (group, schedule) => {
  const command = group
    .command('verify')
    .argument('<id-or-file>', 'a backup, or the path of an archive')
    .description('read a whole backup and check every checksum; exit 31 when one is wrong')
    .addHelpText(
      'after',
      examples([
        ['backup verify 000012-v0.0.1', 'a backup of this project'],
        ['backup verify ./dump.archive.gz', 'an archive from elsewhere, mongodump included'],
      ]),
    );
  command.action((idOrFile: string) =>
    look(schedule, {
      command,
      read: (app) => app.backupVerify(idOrFile),
      lines: (result) => [verifiedLine(result)],
    }),
  );
};

const definePrune: DefineVerb = (group, schedule) => {
  const command = group
    .command('prune')
    .description('remove backups beyond those that are kept; never one that a rollback needs')
    .addHelpText('after', examples([['backup prune --dry-run', 'what would be removed']]));
  command.action(() =>
    schedule({
      command,
      interruption: 'ends',
      job: (session) =>
        operate(session, {
          request: { kind: 'prune', what: 'backups' },
          confirm: 'backup prune',
        }),
    }),
  );
};

export const defineBackup: DefineVerb = (program, schedule) => {
  const group = program
    .command('backup')
    .description('backups of the database: create, list, show, verify, restore, prune');
  for (const define of [defineCreate, defineList, defineShow, defineVerify, defineBackupRestore, definePrune]) {
    define(group, schedule);
  }
};
