import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { DeployError, messageOf } from '../../errors.ts';
import { type CommandRunner, lastLine } from '../../system/command.ts';
import { makeDirectory } from '../../system/durable-file.ts';
import { setVariables } from '../../system/environment.ts';
import { around } from '../../system/failpoints/around.ts';
import type { DeployKey } from './step.ts';

const KEYGEN_MS = 30_000;
const AGENT_MS = 10_000;

export interface LocalKeyWorld {
  readonly commands: CommandRunner;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export interface LocalKey extends DeployKey {
  /**
   * What to log in with, and how a person would write it: a private key's file or, where an agent has it, a public one's; null: its private
   * half is not here.
   */
  identity(): Promise<{ readonly path: string; readonly shown: string } | null>;
}

const unlessMissing = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null;
  throw new DeployError('config-invalid', `the key cannot be read: ${messageOf(error)}`, { cause: error });
};

const readOrNull = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(unlessMissing);

/** A public key that somebody names. */
const namedKey = async (path: string, { commands, signal, environment }: LocalKeyWorld): Promise<LocalKey> => {
  const text = await readOrNull(path);
  if (text === null) throw new DeployError('usage', `there is no ${path}`, { hint: 'ls ~/.ssh/*.pub' });
  // Its contents are told in no message: they would be a secret.
  if (/PRIVATE KEY/.test(text)) {
    throw new DeployError('usage', `${path} is a private key, and its public half is what a host gets`, {
      hint: `--key ${path}.pub`,
    });
  }
  const privateFile = path.replace(/\.pub$/, '');
  return {
    publicKey: text.trim(),
    shown: path,
    make: async () => text.trim(),
    async identity() {
      if (privateFile !== path && (await readOrNull(privateFile)) !== null)
        return { path: privateFile, shown: privateFile };
      const env = setVariables(environment);
      const agent = await commands.run(['ssh-add', '-L'], { timeoutMs: AGENT_MS, signal, env });
      const blob = text.trim().split(/\s+/)[1] ?? '';
      return agent.exitCode === 0 && blob !== '' && agent.stdout.includes(blob) ? { path, shown: path } : null;
    },
  };
};

/** A key of its own for the host, in the user's folder of keys; without a passphrase, as it can do nothing but deploy. */
const ownKey = async (host: string, { commands, signal, home }: LocalKeyWorld): Promise<LocalKey> => {
  const name = `kaleem-deploy_${host.replace(/[^A-Za-z0-9._-]/g, '_')}`;
  const path = join(home, '.ssh', name);
  const [publicKey, privateKey] = await Promise.all([readOrNull(`${path}.pub`), readOrNull(path)]);
  if ((publicKey === null) !== (privateKey === null)) {
    const [there, missing] = privateKey === null ? [`${path}.pub`, path] : [path, `${path}.pub`];
    throw new DeployError('config-invalid', `there is ${there}, and no ${missing}`, {
      hint: privateKey === null ? `move ${there} away` : `ssh-keygen -y -f ${path} > ${path}.pub`,
    });
  }
  const make = async (): Promise<string> => {
    await makeDirectory(dirname(path));
    const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', `kaleem-deploy@${hostname()}`, '-f', path];
    const made = await around('setup.make-key', () => commands.run(argv, { timeoutMs: KEYGEN_MS, signal }));
    const text = made.exitCode === 0 ? await readOrNull(`${path}.pub`) : null;
    if (text !== null) return text.trim();
    throw new DeployError('setup-failed', `ssh-keygen made no key: ${lastLine(made)}`, {
      hint: made.exitCode === 127 ? 'sudo apt-get install openssh-client' : `ls -l ${path}`,
    });
  };
  const shown = `~/.ssh/${name}`;
  return { publicKey: publicKey?.trim() ?? null, shown, make, identity: async () => ({ path, shown }) };
};

/** `file`: a public key that somebody names; null: one of its own for this host. Throws 'usage', 'config-invalid'. */
export const openLocalKey = (file: string | null, host: string, world: LocalKeyWorld): Promise<LocalKey> =>
  file === null ? ownKey(host, world) : namedKey(file, world);
