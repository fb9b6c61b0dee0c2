import { execFileSync } from 'node:child_process';
import { appendFile, chmod, copyFile, readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectSsh } from '../../../src/system/ssh/connect.ts';
import { SshFailure } from '../../../src/system/ssh/failure.ts';
import type { AskPassphrase } from '../../../src/system/ssh/key-file.ts';
import { type Keys, openKeyring } from '../../../src/system/ssh/keyring.ts';
import { freePort } from '../../support/free-port.ts';
import { startAgent } from '../../support/ssh-agent.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';

const keygen = (...args: readonly string[]): void => {
  execFileSync('ssh-keygen', ['-q', ...args]);
};

describe('logging in', () => {
  let sshd: Sshd;

  /** Makes a key; `known`: it may log in. */
  const makeKey = async (name: string, args: readonly string[], known = true): Promise<string> => {
    const path = sshd.at(name);
    await Promise.all([path, `${path}.pub`].map((each) => rm(each, { force: true })));
    keygen(...args, '-f', path);
    if (known) await appendFile(sshd.at('authorized_keys'), await readFile(`${path}.pub`));
    return path;
  };
  const nobody: AskPassphrase = async () => null;
  const logIn = async (keys: Partial<Keys>, port = sshd.port, signal = new AbortController().signal) => {
    const all: Keys = { files: [], named: true, agent: null, onlyFiles: false, passphrase: nobody, ...keys };
    const ssh = await connectSsh({
      ...{ host: '127.0.0.1', port, username: sshd.username, keyring: await openKeyring(all), knownTypes: [] },
      ...{ checkHostKey: () => null, connectMs: 20_000, loginMs: 20_000, keepaliveMs: 10_000, signal },
    });
    try {
      return (await ssh.execCommand('echo in')).stdout;
    } finally {
      ssh.dispose();
    }
  };
  const failure = async (trying: Promise<unknown>): Promise<SshFailure> => {
    const error = await trying.catch((thrown: unknown) => thrown);
    if (error instanceof SshFailure) return error;
    throw error instanceof Error ? error : new Error(`it was no failure: ${String(error)}`);
  };

  beforeAll(async () => {
    sshd = await startSshd(['MaxAuthTries 3']);
  });
  afterAll(() => sshd?.stop());

  it.each([
    ['Ed25519', ['-t', 'ed25519']],
    ['ECDSA', ['-t', 'ecdsa']],
    ['RSA', ['-t', 'rsa', '-b', '2048']],
    ['RSA in its old form', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
  ])('works with a key file of %s, with and without a passphrase', async (_, args) => {
    const plain = await makeKey('a', [...args, '-N', '']);
    expect(await logIn({ files: [plain] })).toBe('in');
    const encrypted = await makeKey('b', [...args, '-N', 'a long secret']);
    const asked: string[] = [];
    const passphrase: AskPassphrase = async (path) => {
      asked.push(path);
      return 'a long secret';
    };
    expect(await logIn({ files: [encrypted], passphrase })).toBe('in');
    expect(asked).toEqual([encrypted]);
  });

  it.each([['-t', 'ed25519'] as const, ['-t', 'ecdsa'] as const, ['-t', 'rsa', '-b', '2048'] as const])(
    'works with an agent that has a key of %s %s',
    async (...args) => {
      const agent = await startAgent([await makeKey('c', [...args, '-N', ''])]);
      onTestFinished(() => agent.stop());
      expect(await logIn({ agent: agent.socket })).toBe('in');
    },
  );

  it('asks again after a wrong passphrase, three times in all, and remembers the right one', async () => {
    const key = await makeKey('d', ['-t', 'ed25519', '-N', 'a long secret']);
    const answers = ['wrong', 'wrong again', 'a long secret'];
    expect(await logIn({ files: [key], passphrase: async () => answers.shift() ?? null })).toBe('in');
    const agains: boolean[] = [];
    const wrong = await failure(
      logIn({
        files: [key],
        passphrase: async (_, again) => {
          agains.push(again);
          return 'wrong';
        },
      }),
    );
    expect(wrong).toMatchObject({ kind: 'refused', message: `that is not the passphrase of ${key}` });
    expect(agains).toEqual([false, true, true]);
  });

  it('says so where nobody can be asked for a passphrase', async () => {
    const key = await makeKey('e', ['-t', 'ed25519', '-N', 'a long secret']);
    expect(await failure(logIn({ files: [key] }))).toMatchObject({
      kind: 'refused',
      message: `the key ${key} has a passphrase, and there is nobody to ask for it`,
      hint: expect.stringContaining(`ssh-add ${key}`),
    });
  });

  it('asks for no passphrase of a key that the server does not take', async () => {
    const strange = await makeKey('f', ['-t', 'ed25519', '-N', 'a long secret'], false);
    const passphrase: AskPassphrase = async () => {
      throw new Error('it was asked');
    };
    expect(await logIn({ files: [strange, sshd.userKey], passphrase })).toBe('in');
  });

  it('takes the key that the agent has, by the file of its public half alone, and none that no file names', async () => {
    const others = await Promise.all(['g', 'h', 'i'].map((name) => makeKey(name, ['-t', 'ed25519', '-N', ''], false)));
    const own = await makeKey('j', ['-t', 'ed25519', '-N', '']);
    const agent = await startAgent([...others, own]);
    onTestFinished(() => agent.stop());
    // The server takes three tries, and the agent offers the right one last.
    await expect(logIn({ agent: agent.socket })).rejects.toThrow();
    expect(await logIn({ agent: agent.socket, files: [`${own}.pub`] })).toBe('in');
    expect(await logIn({ agent: agent.socket, files: [own], onlyFiles: true })).toBe('in');
    await expect(logIn({ agent: agent.socket, files: [`${others[0]}.pub`], onlyFiles: true })).rejects.toThrow();
  });

  it('does without an agent that is not there, and without usual keys that are not', async () => {
    const files = [sshd.at('no-such-key'), sshd.userKey];
    expect(await logIn({ agent: sshd.at('no-such-socket'), files, named: false })).toBe('in');
  });

  it('is refused with what was tried, and what to do', async () => {
    const strange = await makeKey('k', ['-t', 'ed25519', '-N', ''], false);
    const refused = await failure(logIn({ files: [strange] }));
    expect(refused.kind).toBe('refused');
    expect(refused.message).toContain(`127.0.0.1 does not let ${sshd.username} in with ${strange}`);
    expect(refused.hint).toContain('~/.ssh/authorized_keys');
  });

  it.each([
    ['is not there', 'no-such-key', /cannot be read/],
    ['is no key', 'sshd_config', /is no private key that can be used/],
  ])('refuses a named key that %s', async (_, name, message) => {
    expect((await failure(logIn({ files: [sshd.at(name)] }))).message).toMatch(message);
  });

  it('refuses an encrypted key in its old form without its public half', async () => {
    const key = await makeKey('l', ['-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'a long secret']);
    await rm(`${key}.pub`);
    expect(await failure(logIn({ files: [key] }))).toMatchObject({ hint: `ssh-keygen -y -f ${key} > ${key}.pub` });
  });

  it('refuses a key that others can read', async () => {
    const open = sshd.at('open');
    await copyFile(sshd.userKey, open);
    await chmod(open, 0o644);
    await expect(logIn({ files: [open] })).rejects.toMatchObject({ code: 'config-unsafe' });
  });

  it('says that nothing answers, and ends when it is told to', async () => {
    expect((await failure(logIn({ files: [sshd.userKey] }, await freePort()))).kind).toBe('unreachable');
    const reason = new Error('told to');
    await expect(logIn({ files: [sshd.userKey] }, sshd.port, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
