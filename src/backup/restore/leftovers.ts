import { messageOf } from '../../errors.ts';
import { findLeftovers, type Leftover } from '../collections.ts';
import type { Database } from '../connection.ts';
import { dropCollection } from './server-steps.ts';

/** Drops collections a restore made. Says which it could not, instead of hiding the failure that led here. */
export const dropLeftovers = async (
  database: Database,
  which: (leftover: Leftover) => boolean,
): Promise<readonly string[]> => {
  const problems: string[] = [];
  try {
    for (const leftover of (await findLeftovers(database)).filter(which)) {
      await dropCollection(database, leftover.db, leftover.collection).catch((error: unknown) => {
        problems.push(`${leftover.db}.${leftover.collection} could not be removed: ${messageOf(error)}`);
      });
    }
  } catch (error) {
    problems.push(`temporary collections could not be looked for: ${messageOf(error)}`);
  }
  return problems;
};
