import { readFile, stat } from 'node:fs/promises';
import { DeployError } from '../errors.ts';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const fields = (database: string): readonly (readonly string[])[] =>
  database
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));

/**
 * Whether a group is its owner's alone, as Debian and Ubuntu make one for every user: it has the user's name, no other
 * members, and is nobody else's first group. Where the databases don't know the two (LDAP), equal numbers count.
 * @param passwd text of /etc/passwd (name:x:uid:gid:...)
 * @param group text of /etc/group (name:x:gid:members)
 */
export const isPrivateGroup = ({ uid, gid }: Owner, passwd: string, group: string): boolean => {
  const user = fields(passwd).find((row) => row[2] === String(uid));
  const own = fields(group).find((row) => row[2] === String(gid));
  if (user === undefined || own === undefined) return uid === gid;
  const members = (own[3] ?? '').split(',').filter((member) => member !== '');
  const others = fields(passwd).filter((row) => row[3] === String(gid) && row[2] !== String(uid));
  return user[0] === own[0] && others.length === 0 && members.every((member) => member === user[0]);
};

const readDatabase = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const hasOthers = async (owner: Owner): Promise<boolean> =>
  !isPrivateGroup(owner, await readDatabase('/etc/passwd'), await readDatabase('/etc/group'));

/** Who beside the owner has the permission (2: write, 4: read) on a file; null: nobody. */
const whoElse = async (path: string, permission: 2 | 4): Promise<string | null> => {
  const stats = await stat(path);
  if ((stats.mode & permission) !== 0) return 'every user';
  if ((stats.mode & (permission << 3)) !== 0 && (await hasOthers(stats))) return `everyone in group ${stats.gid}`;
  return null;
};

/** Refuses a file that somebody else can change: it decides what runs with the rights of whoever deploys. */
export const assertOnlyOwnerWrites = async (path: string, shown: string): Promise<void> => {
  const who = await whoElse(path, 2);
  if (who === null) return;
  throw new DeployError('config-unsafe', `${shown} can be changed by ${who}`, { hint: `chmod go-w ${path}` });
};

/** Refuses a file with a secret that somebody else can read or change. `where` names the place that refers to it. */
export const assertOnlyOwnerReads = async (path: string, where: string): Promise<void> => {
  const who = (await whoElse(path, 4)) ?? (await whoElse(path, 2));
  if (who === null) return;
  throw new DeployError('config-unsafe', `${where}: the secret file ${path} is open to ${who}`, {
    hint: `chmod 600 ${path}`,
  });
};

/** Refuses what belongs to somebody else: its owner may write it, whatever its mode says. */
export const assertOursOrRoots = async (path: string, shown: string): Promise<void> => {
  const { uid } = await stat(path);
  if (uid === 0 || uid === process.getuid?.()) return;
  throw new DeployError('config-unsafe', `${shown} belongs to user ${uid}`, {
    hint: `ls -ld ${path}; chown root ${path}`,
  });
};
