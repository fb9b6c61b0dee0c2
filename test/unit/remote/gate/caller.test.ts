import { execFile } from 'node:child_process';
import { chmod, chown, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { callerOf } from '../../../../src/remote/gate/caller.ts';
import { gateFolder } from './folder.ts';

const run = promisify(execFile);

describe('who asks', () => {
  it('is known by the fingerprint that ssh-keygen shows, where sshd tells the key', async () => {
    const folder = await gateFolder('');
    const key = join(folder, 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const [, fingerprint] = (await run('ssh-keygen', ['-lf', key])).stdout.split(' ');
    const info = join(folder, 'info');
    const line = (await readFile(`${key}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(info, `publickey ${line}\n`, { mode: 0o600 });
    const env = { SSH_USER_AUTH: info, SSH_CONNECTION: '2001:db8::7 51234 203.0.113.1 22' };
    expect(await callerOf('ci', env)).toEqual({ key: 'ci', fingerprint, address: '2001:db8::7' });

    await chmod(info, 0o666);
    expect(await callerOf('ci', env)).toMatchObject({ fingerprint: null });
    await chmod(info, 0o600);
    await symlink(info, join(folder, 'link'));
    expect(await callerOf('ci', { SSH_USER_AUTH: join(folder, 'link') })).toMatchObject({ fingerprint: null });
    if (process.getuid?.() === 0) {
      await chown(info, 54_321, 54_321);
      expect(await callerOf('ci', env)).toMatchObject({ fingerprint: null });
      // Made root by sudo, the gate reads what sshd wrote for whom it was before.
      expect(await callerOf('ci', { ...env, SUDO_UID: '54321' })).toMatchObject({ fingerprint });
      expect(await callerOf('ci', { ...env, SUDO_UID: '54322' })).toMatchObject({ fingerprint: null });
      expect(await callerOf('ci', { ...env, SUDO_UID: '54321 ' })).toMatchObject({ fingerprint: null });
    }
  });

  it.each([
    ['password', 'password\n'],
    ['no base64', 'publickey ssh-ed25519 !!!\n'],
    ['nothing', ''],
  ])('is not known from a file with %s', async (_, text) => {
    const info = join(await gateFolder(''), 'info');
    await writeFile(info, text, { mode: 0o600 });
    expect(await callerOf('ci', { SSH_USER_AUTH: info })).toMatchObject({ fingerprint: null });
  });

  it.each(['/nowhere', '/dev/zero', '/tmp', '/etc/passwd'])('is not known from %s', async (path) => {
    expect(await callerOf('ci', { SSH_USER_AUTH: path })).toMatchObject({ fingerprint: null });
  });

  it.each([undefined, '', 'nonsense', '\x1b[2J 1 2 3', `${'1'.repeat(65)} 1 2 3`])(
    'has no address from %j',
    async (text) => {
      expect(await callerOf('ci', text === undefined ? {} : { SSH_CONNECTION: text })).toMatchObject({ address: null });
    },
  );
});
