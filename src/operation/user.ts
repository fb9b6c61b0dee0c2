import { hostname, userInfo } from 'node:os';

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    // No entry in /etc/passwd, as in many containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
};

/** Who deploys, as history shows it: `user@host`. Behind sudo, the user who typed it. */
export const currentUser = (): string => {
  const name = process.env.SUDO_USER || userName();
  // It is printed on other people's terminals.
  return `${name}@${hostname()}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 128);
};
