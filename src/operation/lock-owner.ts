import { readdir, readFile, readlink } from 'node:fs/promises';

/** Bit of /proc/net/unix's Flags that a listening socket has (__SO_ACCEPTCON). */
const LISTENING = 0x10000;

/** The inode of the listening abstract socket of this name. Columns of /proc/net/unix: see proc_net(5). */
const inodeOf = (table: string, name: string): string | null => {
  for (const line of table.split('\n')) {
    const [, , , flags = '', , , inode, ...path] = line.trim().split(/\s+/);
    if (path.join(' ') === `@${name.slice(1)}` && (Number.parseInt(flags, 16) & LISTENING) !== 0) return inode ?? null;
  }
  return null;
};

const hasOpen = async (pid: string, inode: string): Promise<boolean> => {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return links.includes(`socket:[${inode}]`);
};

/**
 * The process that listens on an abstract socket, as the kernel knows it, for when it does not say so itself. Null when
 * it can't be found: another user's, for one who is not root; or of another pid namespace.
 */
export const listenerPid = async (name: string): Promise<number | null> => {
  const inode = inodeOf(await readFile('/proc/net/unix', 'utf8').catch(() => ''), name);
  if (inode === null) return null;
  const pids = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) if (await hasOpen(pid, inode)) return Number(pid);
  return null;
};
