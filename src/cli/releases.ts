import type { Release } from '../operation/releases.ts';
import { look } from './look.ts';
import { formatAgo, formatDuration } from './render/format.ts';
import { table } from './render/table.ts';
import type { View } from './render/view.ts';
import { type DefineVerb, examples } from './verb.ts';

const releaseLines = (releases: readonly Release[], { now }: View): readonly string[] =>
  releases.length === 0
    ? ['no releases yet']
    : table(
        [
          { title: 'RELEASE', align: 'right' },
          { title: 'TAG' },
          { title: 'STATUS' },
          { title: 'WHEN' },
          { title: 'DOWNTIME', align: 'right' },
          { title: 'BACKUP' },
          { title: 'WHO' },
        ],
        releases.map((release) => [
          String(release.id),
          release.tag,
          release.origin === 'adopted' ? `${release.status} (found running)` : release.status,
          formatAgo(release.at, now),
          release.downtimeMs === null ? null : formatDuration(release.downtimeMs),
          release.backup,
          release.who,
        ]),
      );

export const defineReleases: DefineVerb = (program, schedule) => {
  const command = program
    .command('releases')
    .description('releases that are kept, newest first: where `rollback` can go')
    .addHelpText('after', examples([['releases', 'with the backup taken when each was replaced']]));
  command.action(() => look(schedule, { command, read: (app) => app.releases(), lines: releaseLines }));
};
