import { DeployError } from '../../errors.ts';
import type { Database } from '../connection.ts';
import { namespaceOf } from '../namespace.ts';
import type { VerifiedNamespace } from '../verify.ts';
import { type Neutralising, probeNeutralising } from './expiry.ts';
import { hasExpiry } from './work.ts';

/**
 * How this server keeps what is restored from expiring meanwhile. `probeIn`: the database in which that is tried, where it is not
 * the collection's own. `restore-failed` where it can't be had.
 */
export const chooseNeutralising = async (
  database: Database,
  operation: string,
  namespaces: readonly VerifiedNamespace[],
  probeIn?: string,
): Promise<Neutralising> => {
  const expiring = namespaces.find(hasExpiry);
  if (expiring === undefined) return 'plain';
  const how = await probeNeutralising(database, probeIn ?? expiring.db, operation);
  if (how !== null) return how;
  throw new DeployError(
    'restore-failed',
    `${namespaceOf(expiring)}: this server cannot make a TTL index without deleting at once`,
    {
      hint: 'restore into a server whose collMod can change expireAfterSeconds',
    },
  );
};
