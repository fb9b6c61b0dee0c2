import { DeployError } from '../../errors.ts';
import type { ServerFacts } from '../connection.ts';
import { parseVersion } from '../server-version.ts';
import type { VerifiedBackup } from '../verify.ts';

/**
 * A server may not read what a newer one wrote: refused (`unsupported`) unless forced. Another release line is worth a
 * warning, and so is another make of server.
 */
export const checkVersion = (
  backup: Pick<VerifiedBackup, 'manifest' | 'header' | 'path'>,
  server: ServerFacts,
  force: boolean,
): readonly string[] => {
  const text = backup.manifest?.serverVersion ?? backup.header.serverVersion;
  const [major, minor] = parseVersion(text);
  const [ownMajor, ownMinor] = server.release;
  const newer = major - ownMajor || minor - ownMinor;
  if (newer > 0 && !force) {
    throw new DeployError('unsupported', `${backup.path} is of MongoDB ${text}, the server is ${server.version}`, {
      hint: 'upgrade the server, or restore it all the same with --force',
    });
  }
  const otherMake = backup.manifest !== null && backup.manifest.database.ferretdb !== server.ferretdb;
  return [
    ...(newer === 0 ? [] : [`the backup is of MongoDB ${text}, the server is ${server.version}`]),
    ...(otherMake ? [`one of them is FerretDB and the other is not`] : []),
  ];
};
