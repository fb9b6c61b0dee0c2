import { hostname, userInfo } from 'node:os';

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // No entry in /etc/passwd, as in many containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
};

/** The variable by which the gate says which SSH key it is that asks (src/remote/gate). Its name says that its value is no secret. */
export const KEY_VARIABLE = 'KALEEM_DEPLOY_KEY_NAME';

/** Who deploys, as history shows it: `user@host`. Behind sudo, the user who typed it; over a gate, with the key: `user@host (key ci)`. */
export const currentUser = (): string => {
  const name = process.env.SUDO_USER || userName();
  const key = process.env[KEY_VARIABLE];
  // It is printed on other people's terminals.
  return `${name}@${hostname()}${key ? ` (key ${key})` : ''}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 128);
};
