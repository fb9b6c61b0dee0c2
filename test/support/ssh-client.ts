import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sshd } from './sshd.ts';

/** OpenSSH's client as another user on another machine would have it set up: OpenSSH itself goes by the user database, not by HOME. */
export interface SshClient {
  readonly folder: string;
  /** Where new host keys go. */
  readonly knownHosts: string;
  /** For whoever asks `ssh`: PATH, with one that reads this configuration, and HOME. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces the configuration: lines of ssh_config(5). */
  configure(...lines: readonly string[]): Promise<void>;
  /** The lines for a server, with its key file. */
  host(name: string, sshd: Sshd, ...lines: readonly string[]): readonly string[];
  trust(...sshds: readonly Sshd[]): Promise<void>;
  cleanup(): Promise<void>;
}

export const makeSshClient = async (): Promise<SshClient> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-laptop-'));
  const [bin, config, knownHosts] = [join(folder, 'bin'), join(folder, 'config'), join(folder, 'known_hosts')];
  await mkdir(bin);
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`);
  await chmod(join(bin, 'ssh'), 0o755);
  await writeFile(config, '');
  return {
    ...{ folder, knownHosts },
    environment: { PATH: `${bin}:${process.env.PATH ?? ''}`, HOME: folder },
    configure: (...lines) => writeFile(config, `${lines.join('\n')}\n`),
    host: (name, sshd, ...lines) => [
      `Host ${name}`,
      ...[`HostName 127.0.0.1`, `Port ${sshd.port}`, `User ${sshd.username}`],
      ...[`IdentityFile ${sshd.userKey}`, `UserKnownHostsFile ${knownHosts}`, 'GlobalKnownHostsFile none'],
      ...lines,
    ],
    async trust(...sshds) {
      const texts = await Promise.all(sshds.map((sshd) => readFile(sshd.knownHosts, 'utf8')));
      await writeFile(knownHosts, texts.join(''));
    },
    cleanup: () => rm(folder, { recursive: true, force: true }),
  };
};
