import { describe, expect, it } from 'vitest';
import type { Answer, Host } from '../../../../src/remote/host.ts';
import { openAdministrator } from '../../../../src/remote/setup/administrator.ts';

const BEGINS = 'kaleem-deploy-setup begins\n';

/** A host that answers one question after the other. */
const hostThat = (...answers: readonly (Partial<Answer> | null)[]) => {
  const asked: (readonly string[])[] = [];
  const left = [...answers];
  const host: Host = {
    ...{ name: 'me@prod', connect: async () => {}, reconnect: async () => {}, close: () => {} },
    run: async () => ({ how: 'lost' }),
    ask: async () => null,
    async askProgram(words) {
      asked.push(words);
      const answer = left.shift();
      return answer == null ? null : { exitCode: 0, stdout: '', stderr: '', ...answer };
    },
  };
  return { host, asked };
};
const who = (uid: number, name: string): Partial<Answer> => ({
  stdout: `Welcome\n${BEGINS}kaleem-deploy-user ${uid} ${name}\n`,
});

describe('an administrator', () => {
  it('who is root runs scripts as they are, and reads what they print alone', async () => {
    const { host, asked } = hostThat(who(0, 'root'), {
      exitCode: 3,
      stdout: `hello\n${BEGINS}one\ntwo\n`,
      stderr: 'bad',
    });
    const there = await openAdministrator(host);
    expect(there.user).toBe('root');
    expect(await there.run('true', ["it's", '$(id)'])).toEqual({ exitCode: 3, stdout: 'one\ntwo\n', stderr: 'bad' });
    expect(asked[1]?.slice(0, 2)).toEqual(['sh', '-c']);
    expect(asked[1]?.[2]).toMatch(/\ntrue$/);
    expect(asked[1]?.slice(3)).toEqual(['kaleem-deploy-setup', "it's", '$(id)']);
  });

  it('who is somebody else runs them by sudo, which may ask for nothing', async () => {
    const { host, asked } = hostThat(who(1000, 'maria'), { stdout: 'cut before it began' });
    const there = await openAdministrator(host);
    expect((await there.run('true')).stdout).toBe('');
    expect(asked[1]?.slice(0, 5)).toEqual(['sudo', '-n', '--', 'sh', '-c']);
  });

  it.each([
    [
      'has no sudo',
      { ...who(1000, 'eve'), exitCode: 9, stderr: 'sudo: a password is required\n' },
      'sudo wants a password: sudo: a pass',
    ],
    [
      'meets a gate',
      { exitCode: 40, stderr: 'error: the command must begin with kaleem-deploy' },
      'does not run commands for this login: error: the',
    ],
    [
      'has no shell',
      { exitCode: 1, stdout: 'This account is currently not available.\n' },
      'for this login: This account is currently',
    ],
  ])('is none who %s', async (_, answer, message) => {
    await expect(openAdministrator(hostThat(answer).host)).rejects.toMatchObject({
      ...{ code: 'unsupported', message: expect.stringContaining(message), hint: expect.stringMatching(/root@/) },
    });
  });

  it('whose connection is lost is told to go on', async () => {
    const there = await openAdministrator(hostThat(who(0, 'root'), null).host);
    await expect(there.run('true')).rejects.toMatchObject({
      code: 'remote-unreachable',
      hint: expect.stringContaining('goes on from there'),
    });
  });
});
