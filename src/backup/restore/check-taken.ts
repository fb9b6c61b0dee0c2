import { DeployError } from '../../errors.ts';
import type { Definition } from '../archive/format.ts';
import { findName, listIndexes } from '../collections.ts';
import type { Database } from '../connection.ts';
import { compareDefinitions, describeDifference } from '../definition.ts';

/** A restore that ends before anything live was touched, because the server cannot hold what the backup holds. */
export const refused = (namespace: string, problem: string, cause?: unknown): DeployError =>
  new DeployError('restore-failed', `${namespace}: ${problem}`, {
    hint: 'this server cannot hold what the backup holds',
    ...(cause === undefined ? {} : { cause }),
  });

/** The definition a server has given a collection. */
export const readDefinition = async (
  database: Database,
  db: string,
  collection: string,
): Promise<Definition | null> => {
  const listed = await findName(database, db, collection);
  if (listed === undefined) return null;
  const indexes = listed.type === 'view' ? [] : await listIndexes(database, db, collection);
  return { options: listed.options, indexes };
};

/** Some servers accept an option and forget it; what did not take is refused by name. */
export const checkTaken = async (
  database: Database,
  at: { readonly db: string; readonly collection: string },
  asked: Definition,
  namespace: string,
): Promise<void> => {
  const found = await readDefinition(database, at.db, at.collection);
  if (found === null) throw refused(namespace, 'the server says it created it and does not list it');
  const differences = compareDefinitions(asked, found);
  const [first] = differences;
  if (first === undefined) return;
  throw new DeployError('restore-failed', `${namespace}: ${describeDifference(first)}`, {
    hint: 'this server cannot hold the collection as the backup has it',
    details: differences.map(describeDifference),
  });
};
