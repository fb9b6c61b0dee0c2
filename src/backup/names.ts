import { createHash } from 'node:crypto';

/**
 * Collections a restore makes beside the live ones. `staged`: what will become live; `kept`: what was live, until the
 * very end; `probe`: an empty one to try what the server can do.
 */
export type TemporaryKind = 'staged' | 'kept' | 'probe';

const PREFIX = 'kaleem-deploy_';
const PATTERN = /^kaleem-deploy_(staged|kept|probe)_([a-z0-9-]+)_[0-9a-f]{16}$/;

/** Of fixed length whatever the collection is called (a namespace has at most 255 bytes), and without dots. */
export const temporaryName = (kind: TemporaryKind, operation: string, namespace: string): string =>
  `${PREFIX}${kind}_${operation}_${createHash('sha256').update(namespace).digest('hex').slice(0, 16)}`;

export interface TemporaryName {
  readonly kind: TemporaryKind;
  readonly operation: string;
}

/** Which restore a collection's name belongs to, or null for everybody else's collections. */
export const parseTemporaryName = (collection: string): TemporaryName | null => {
  const match = PATTERN.exec(collection);
  return match === null ? null : { kind: match[1] as TemporaryKind, operation: match[2] as string };
};

const SYSTEM_OF_ADMIN: ReadonlySet<string> = new Set(['system.users', 'system.roles', 'system.version']);

/** Users, roles and their version: dumped with the whole server, never restored unasked. */
export const isAccessControl = (db: string, collection: string): boolean =>
  db === 'admin' && SYSTEM_OF_ADMIN.has(collection);

const SCRATCH = `${PREFIX}drill_`;

/** What the scratch databases of a project's drills begin with; `operation`: of one drill alone. */
export const scratchPrefix = (project: string, operation = ''): string => {
  const own = createHash('sha256').update(project).digest('hex').slice(0, 8);
  return `${SCRATCH}${own}_${operation === '' ? '' : `${operation}_`}`;
};
export const isScratch = (db: string): boolean => db.startsWith(SCRATCH);

/** `local` and `config` are the server's own. */
export const isServersOwn = (db: string): boolean => db === 'local' || db === 'config';

/** Whether a collection belongs into a backup: the application's do, the server's and a restore's own do not. */
export const isBackedUp = (db: string, collection: string): boolean => {
  if (isServersOwn(db) || isScratch(db) || collection.includes('$') || parseTemporaryName(collection) !== null)
    return false;
  if (!collection.startsWith('system.')) return true;
  return collection === 'system.js' || isAccessControl(db, collection);
};
