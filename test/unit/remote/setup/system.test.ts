import { describe, expect, it } from 'vitest';
import { distributionOf, systemStep } from '../../../../src/remote/setup/system.ts';
import { BARE, BOOKWORM, decide } from './found.ts';

const looked = (changes: Readonly<Record<string, string | undefined>>) => decide(systemStep, { ...BARE, ...changes });

describe('the system of a host', () => {
  it('is named when it is one of those that can be prepared', () => {
    expect(looked({})).toEqual({ is: 'ok', detail: 'Debian GNU/Linux 12 (bookworm), amd64' });
    expect(looked({ 'os-release': 'ID=ubuntu\nPRETTY_NAME=Ubuntu', architecture: 'arm64' })).toMatchObject({
      is: 'ok',
    });
  });

  it.each([
    [{ 'os-release': 'ID=fedora\nPRETTY_NAME="Fedora 41"' }, 'Fedora 41, not Debian or Ubuntu'],
    [{ 'os-release': 'ID="debianish"' }, 'debianish, not Debian'],
    [{ 'os-release': undefined }, 'x86_64, not Debian'],
    [{ architecture: 'i386' }, 'architecture i386'],
    [{ architecture: undefined }, 'architecture unknown'],
    [{ init: 'sh\n' }, 'process 1 of the host is sh, not systemd'],
    [{ booted: undefined }, 'not systemd'],
    [{ disk: '/dev/vda1 100 1 1024000 3% /var\n' }, '/var has 1000 MB left, and 2048 MB are needed'],
    [{ disk: '/dev/vda1 100 1 102400 3% /\n', dockerd: '/usr/bin/dockerd' }, '/ has 100 MB left, and 300 MB'],
  ])('is refused otherwise: %j', (changes, message) => {
    expect(() => looked(changes)).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(message) }),
    );
  });

  it('says its name without the quotes of a shell, and nothing of the next line', () => {
    expect(distributionOf(BOOKWORM)).toEqual({
      id: 'debian',
      codename: 'bookworm',
      name: 'Debian GNU/Linux 12 (bookworm)',
    });
    expect(distributionOf("ID='ubuntu'\nVERSION_CODENAME=\nEVIL=$(x)")).toEqual({
      id: 'ubuntu',
      codename: '',
      name: 'ubuntu',
    });
    expect(distributionOf('XID=debian')).toEqual({ id: '', codename: '', name: '' });
  });
});
