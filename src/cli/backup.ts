import { defineBackupRestore } from './backup-restore.ts';
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
  command.action(() =>
    schedule({
      command,
      interruption: 'reads',
      job: (session) =>
        session.withApp(async (app) => {
          const backups = await app.backupList();
          session.show(backups, (view) => backupListLines(backups, view));
          return undefined;
        }),
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
    schedule({
      command,
      interruption: 'reads',
      job: (session) =>
        session.withApp(async (app) => {
          const detail = await app.backupShow(id);
          session.show(detail, (view) => backupDetailLines(detail, view));
          return undefined;
        }),
    }),
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
    schedule({
      command,
      interruption: 'reads',
      job: (session) =>
        session.withApp(async (app) => {
          const result = await app.backupVerify(idOrFile);
          session.show(result, () => [verifiedLine(result)]);
          return undefined;
        }),
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
