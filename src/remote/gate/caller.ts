import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fingerprint } from '../../system/ssh/public-key.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who asks, as far as sshd says it. */
export interface Caller {
  /** The name that authorized_keys has for the key. */
  readonly key: string;
  /** `SHA256:...`, as `ssh-keygen -l` has it; null where sshd does not tell (`ExposeAuthInfo no`, its default). */
  readonly fingerprint: string | null;
  /** The client's address; null: not over SSH. */
  readonly address: string | null;
}

const LONGEST = 64 * 1024;

/** Lines `publickey ssh-ed25519 AAAA...`, one for each way of proof (sshd_config(5), ExposeAuthInfo). */
export const fingerprintIn = (text: string): string | null => {
  const [, , blob = ''] =
    text
      .split('\n')
      .map((line) => line.split(' '))
      .find(([method]) => method === 'publickey') ?? [];
  return /^[A-Za-z0-9+/]+=*$/.test(blob) ? fingerprint(Buffer.from(blob, 'base64')) : null;
};

/** The users whose session it can be: this one's or, where root was made of somebody by sudo(8), that one's. */
const sessionUsers = ({ SUDO_UID: before = '' }: Environment): readonly number[] => {
  const own = process.getuid?.() ?? 0;
  return own === 0 && /^\d{1,10}$/.test(before) ? [own, Number(before)] : [0, own];
};

/** What sshd wrote for this session, a file of its user's that nobody else can write; null when there is none. */
const readAuthInfo = async (path: string, users: readonly number[]): Promise<string | null> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (handle === null) return null;
  try {
    const found = await handle.stat();
    const isOurs = users.includes(found.uid) && (found.mode & 0o022) === 0;
    return isOurs && found.isFile() && found.size <= LONGEST ? await handle.readFile('latin1') : null;
  } finally {
    await handle.close();
  }
};

/** `SSH_CONNECTION` is the client's address and port, and the server's (ssh(1)). */
const addressOf = (connection = ''): string | null => /^[0-9A-Za-z.:%]{2,64}(?= )/.exec(connection)?.[0] ?? null;

export const callerOf = async (key: string, environment: Environment): Promise<Caller> => {
  const { SSH_USER_AUTH: file } = environment;
  const info = file === undefined ? null : await readAuthInfo(file, sessionUsers(environment));
  return {
    key,
    fingerprint: info === null ? null : fingerprintIn(info),
    address: addressOf(environment.SSH_CONNECTION),
  };
};
