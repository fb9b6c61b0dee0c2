import type { BaseAgent, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import { SshFailure } from './failure.ts';
import { type AskPassphrase, type KeyFile, openKeyFile } from './key-file.ts';

/** What somebody may log in with. */
export interface Keys {
  /** Files of private keys, the best first. Of public ones: which of the agent's keys are meant. */
  readonly files: readonly string[];
  /** Somebody named these files: one that is missing is a mistake. Else they are where keys usually are. */
  readonly named: boolean;
  /** The socket of an SSH agent; null: there is none. */
  readonly agent: string | null;
  /** Of the agent's keys only those that a file names. */
  readonly onlyFiles: boolean;
  readonly passphrase: AskPassphrase;
}

/** Keys in the order they are offered; a passphrase is asked for once a server has said that it would take that key. */
export interface Keyring {
  /** For ssh2's authentication method `agent`. */
  readonly agent: BaseAgent;
  /** For messages. */
  readonly shown: string;
}

interface Identity {
  readonly key: ParsedKey;
  sign(data: Buffer, options: SigningRequestOptions): Promise<Buffer>;
}

const usable = async (files: readonly Promise<KeyFile>[], named: boolean): Promise<readonly KeyFile[]> => {
  const opened = await Promise.allSettled(files);
  return opened.flatMap((each) => {
    if (each.status === 'fulfilled') return [each.value];
    if (named) throw each.reason;
    return [];
  });
};

const ofFile = (file: KeyFile): Identity => ({
  key: file.publicKey,
  async sign(data, { hash }) {
    const signature = (await file.privateKey()).sign(data, hash) as Buffer | Error;
    if (signature instanceof Error) throw signature;
    return signature;
  },
});

const shownKeys = ({ files, agent, named }: Keys): string => {
  const agents = agent === null ? [] : ['the keys of the SSH agent'];
  return [...agents, ...(named || files.length === 1 ? files : ['the usual keys in ~/.ssh'])].join(' and ');
};

/** Rejects with an SshFailure for a named file that is no key. An agent that does not answer has no keys. */
export const openKeyring = async (keys: Keys): Promise<Keyring> => {
  const { BaseAgent, OpenSSHAgent, utils } = (await import('ssh2')).default;
  const files = await usable(
    keys.files.map((path) => openKeyFile(path, utils.parseKey, keys.passphrase)),
    keys.named,
  );
  const agent = keys.agent === null ? null : new OpenSSHAgent(keys.agent);

  const agentKeys = (): Promise<readonly ParsedKey[]> =>
    new Promise((resolve) => {
      if (agent === null) return resolve([]);
      agent.getIdentities((error, found) => resolve(error ? [] : ((found ?? []) as ParsedKey[])));
    });
  const ofAgent = (key: ParsedKey): Identity => ({
    key,
    sign: (data, options) =>
      new Promise((resolve, reject) => {
        agent?.sign(key, data, options, (error, signature) => {
          if (signature !== undefined) resolve(signature);
          else reject(new SshFailure('refused', `the SSH agent does not sign: ${error?.message ?? 'no answer'}`));
        });
      }),
  });
  const isSame = (one: ParsedKey, other: ParsedKey): boolean => one.getPublicSSH().equals(other.getPublicSSH());

  /** As ssh does: the agent's keys that a file names, its others, then files. A server takes only so many tries. */
  const identities = async (): Promise<readonly Identity[]> => {
    const inAgent = await agentKeys();
    const isNamed = (key: ParsedKey): boolean => files.some(({ publicKey }) => isSame(publicKey, key));
    const others = keys.onlyFiles ? [] : inAgent.filter((key) => !isNamed(key));
    const left = files.filter(({ publicKey, signs }) => signs && !inAgent.some((key) => isSame(key, publicKey)));
    return [...[...inAgent.filter(isNamed), ...others].map(ofAgent), ...left.map(ofFile)];
  };

  let offered: readonly Identity[] = [];
  class Ring extends BaseAgent<ParsedKey> {
    override getIdentities(done: (error: Error | undefined, found?: ParsedKey[]) => void): void {
      identities().then(
        (found) => {
          offered = found;
          done(
            undefined,
            found.map(({ key }) => key),
          );
        },
        (error: Error) => done(error),
      );
    }

    override sign(
      key: ParsedKey,
      data: Buffer,
      given: SigningRequestOptions | SignCallback,
      callback?: SignCallback,
    ): void {
      const [options, done] = typeof given === 'function' ? [{}, given] : [given, callback];
      const signing = offered.find((each) => isSame(each.key, key))?.sign(data, options);
      signing?.then(
        (signature) => done?.(undefined, signature),
        (error: Error) => done?.(error),
      );
    }
  }
  return { agent: new Ring(), shown: shownKeys(keys) };
};
