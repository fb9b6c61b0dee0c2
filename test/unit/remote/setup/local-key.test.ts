import { execFileSync } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalKey } from '../../../../src/remote/setup/local-key.ts';
import { systemCommands } from '../../../../src/system/command.ts';
import { startAgent } from '../../../support/ssh-agent.ts';

describe('the deploy key on the laptop', () => {
  let home: string;
  const open = (file: string | null, host = 'prod', environment: Readonly<Record<string, string>> = {}) =>
    openLocalKey(file, host, {
      ...{ commands: systemCommands, signal: new AbortController().signal, home },
      environment: { PATH: process.env.PATH, ...environment },
    });
  const at = (name: string): string => join(home, '.ssh', name);
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'kaleem-home-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it('is made when it is asked for and not before, private, and found again', async () => {
    const key = await open(null, '2001:db8::1');
    expect(key).toMatchObject({ publicKey: null, shown: '~/.ssh/kaleem-deploy_2001_db8__1' });
    expect(await readdir(home)).toEqual([]);
    const made = await key.make();
    expect(made).toMatch(/^ssh-ed25519 AAAA\S+ kaleem-deploy@\S+$/);
    expect((await stat(at('kaleem-deploy_2001_db8__1'))).mode & 0o777).toBe(0o600);
    expect((await stat(at('.'))).mode & 0o777).toBe(0o700);
    expect(await open(null, '2001:db8::1')).toMatchObject({ publicKey: made });
    expect(await key.identity()).toEqual({ path: at('kaleem-deploy_2001_db8__1'), shown: key.shown });
  });

  it('is never made over half of one', async () => {
    await (await open(null)).make();
    const whole = await readFile(at('kaleem-deploy_prod'), 'utf8');
    await rm(at('kaleem-deploy_prod.pub'));
    await expect(open(null)).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('ssh-keygen -y'),
    });
    expect(await readFile(at('kaleem-deploy_prod'), 'utf8')).toBe(whole);
    await rm(at('kaleem-deploy_prod'));
    await writeFile(at('kaleem-deploy_prod.pub'), 'ssh-ed25519 x');
    await expect(open(null)).rejects.toMatchObject({ code: 'config-invalid' });
    await expect(access(at('kaleem-deploy_prod'))).rejects.toThrow();
  });

  it('that is named is logged in with by its file, by the agent, or not from here', async () => {
    const file = join(home, 'ci');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const key = await open(`${file}.pub`);
    expect(key.publicKey).toBe((await readFile(`${file}.pub`, 'utf8')).trim());
    expect(await key.identity()).toEqual({ path: file, shown: file });
    const agent = await startAgent([file]);
    try {
      await rm(file);
      expect(await key.identity()).toBeNull();
      const known = await open(`${file}.pub`, 'prod', { SSH_AUTH_SOCK: agent.socket });
      expect(await known.identity()).toEqual({ path: `${file}.pub`, shown: `${file}.pub` });
    } finally {
      await agent.stop();
    }
  });

  it('that is a private one, or missing, is refused without a word of it', async () => {
    const file = join(home, 'ci');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    await expect(open(file)).rejects.toMatchObject({
      code: 'usage',
      message: `${file} is a private key, and its public half is what a host gets`,
    });
    await expect(open(join(home, 'no.pub'))).rejects.toMatchObject({ code: 'usage' });
  });
});
