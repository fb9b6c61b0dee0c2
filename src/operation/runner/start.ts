import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { type DetachedProcess, startWithChannel } from '../../system/detached.ts';
import { MARKER_VARIABLE } from '../../system/marker.ts';
import { scopeOf } from '../../system/orphans.ts';
import { thisUser, type User } from './runtime-folder.ts';

/** Where systemd runs as the init system (sd_booted(3)). */
const BOOTED_BY_SYSTEMD = '/run/systemd/system';

/** A runner that was started, seen from the front. */
export interface StartedRunner {
  readonly marker: string;
  readonly channel: Duplex;
  readonly gone: DetachedProcess['gone'];
}

/**
 * What puts a command into a scope of its own, so that the end of the login session, or of the service that typed it,
 * does not end it. Null where there is nothing to gain: without systemd; and for a user who does not linger, whose
 * service manager, scopes included, is stopped with the last login, while a process of the session goes on.
 */
export const scopeArguments = (marker: string, user: User, booted: boolean): readonly string[] | null => {
  if (!booted || (user.uid !== 0 && !user.lingers)) return null;
  return [
    ...['systemd-run', '--scope', '--collect', '--quiet', ...(user.uid === 0 ? [] : ['--user'])],
    `--unit=${scopeOf(marker)}`,
    '--description=kaleem-deploy',
    // At a shutdown a scope is asked to end before what it comes after: there is an engine to roll back with.
    ...(user.uid === 0 ? ['--property=After=docker.service'] : []),
    '--',
  ];
};

/** systemd-run waits for a bus that may not answer. */
const SCOPE_MS = 5_000;

/** Whether the runner has come up: the first bytes of the channel are its own, systemd-run says nothing there. */
const speaks = ({ channel, gone }: DetachedProcess): Promise<boolean> =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      resolve(channel.readableLength > 0);
    };
    const timer = setTimeout(finish, SCOPE_MS);
    channel.once('readable', finish);
    void gone.then(finish);
  });

/** Starts `argv` as a runner. `environment` reaches it as it is: what is secret goes nowhere else. */
export const startRunner = async (
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<StartedRunner> => {
  const marker = randomBytes(8).toString('hex');
  const env = { ...environment, [MARKER_VARIABLE]: marker };
  const scope = scopeArguments(marker, thisUser(environment), existsSync(BOOTED_BY_SYSTEMD));
  if (scope !== null) {
    const scoped = startWithChannel([...scope, ...argv], env);
    if (await speaks(scoped)) return { marker, ...scoped };
    // Should it come up late: nobody tells it what to do, and it ends.
    scoped.channel.destroy();
  }
  return { marker, ...startWithChannel(argv, env) };
};
