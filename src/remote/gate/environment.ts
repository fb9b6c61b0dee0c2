import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { KEY_VARIABLE } from '../../operation/user.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As the system knows the user: `$HOME` is the client's to send where a server accepts it. */
const account = (): { readonly username: string; readonly homedir: string } => {
  try {
    return userInfo();
  } catch {
    // No entry in /etc/passwd.
    return { username: String(process.getuid?.() ?? ''), homedir: '/' };
  }
};

/**
 * The whole environment of a command that comes through a gate. Nothing of the session's own is in it: a server may take variables from
 * its clients (`AcceptEnv`), and NODE_OPTIONS, DOCKER_HOST or COMPOSE_FILE decide what runs.
 * @param extra from the gate's configuration
 */
export const gateEnvironment = (
  key: string,
  extra: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  const { username, homedir } = account();
  const runtime = `/run/user/${process.getuid?.()}`;
  return {
    ...{ PATH, HOME: homedir, USER: username, LOGNAME: username, LANG: 'C.UTF-8' },
    // Where the user's service manager is, that gives a run a scope of its own.
    ...(existsSync(runtime) ? { XDG_RUNTIME_DIR: runtime } : {}),
    ...extra,
    [KEY_VARIABLE]: key,
  };
};
