import type { DeployResult } from '../../deploy/results.ts';
import { formatDuration } from './format.ts';
import { imageLine } from './plan.ts';

const databaseLine = ({ database, backup, securedBy, kind }: DeployResult): string => {
  if (database === 'untouched') return 'database: untouched';
  if (securedBy === 'volume') {
    return `database: secured by a snapshot of its volume, so that no backup has it as it was; ${backup === null ? 'none was taken since' : `as it is now: backup ${backup}`}`;
  }
  if (database === 'backed-up') return `database: as it was before is backup ${backup ?? 'none'}`;
  const aside = backup === null ? '' : `; what was there before: backup ${backup}`;
  return `database: restored${kind === 'rollback' ? ` to this release's backup${aside}` : aside}`;
};

/** What a deploy or a rollback came to. The first line is the one to read. */
export const deployLines = (result: DeployResult): readonly string[] => [
  `${result.tag} is live (release ${result.release}${result.previous === null ? '' : `, before: ${result.previous}`})`,
  ...result.images.map((image) => `  ${imageLine(image)}`),
  `  ${databaseLine(result)}`,
  result.downtimeMs === null
    ? `  no downtime, ${formatDuration(result.elapsedMs)} in all`
    : `  ${formatDuration(result.downtimeMs)} of downtime, ${formatDuration(result.elapsedMs)} in all`,
];
