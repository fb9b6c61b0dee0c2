import { type Found, PLACES } from '../../../../src/remote/setup/look.ts';
import type { Finding, Step, Wishes } from '../../../../src/remote/setup/step.ts';
import { sudoersOf } from '../../../../src/remote/setup/sudo-rule.ts';
import { launcher } from '../../../../src/remote/setup/tool.ts';

export const BOOKWORM = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_CODENAME=bookworm
ID=debian
`;

export const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGeCByWQEaQVwvaRuhin0DZjMQgEpkH8VdXglQm8Qd4q somebody@laptop';

/** A Debian with nothing but sshd. */
export const BARE: Readonly<Record<string, string>> = {
  ...{ end: 'yes', 'os-release': BOOKWORM, architecture: 'amd64', machine: 'x86_64', init: 'systemd\n', booted: 'yes' },
  disk: 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 41152736 1200000 39952736 3% /\n',
  ...{ nodes: '', programs: '', files: '' },
};

export const WISHES: Wishes = {
  tool: { version: '0.2.0', folder: '0.2.0-0123456789ab', archive: new Uint8Array() },
  ...{ account: 'kaleem-deploy', directory: '/srv/shop', downgrade: false },
  spareNode: { path: '/usr/bin/node', version: 'v20.20.2', platform: 'linux', architecture: 'x64' },
  key: { publicKey: KEY, shown: '~/.ssh/kaleem-deploy_prod', make: async () => KEY },
};

/** What setup leaves, without what the steps that are tested by themselves write. */
export const READY: Readonly<Record<string, string>> = {
  ...BARE,
  ...{ dockerd: '/usr/sbin/dockerd', engine: '26.1.5+dfsg1', compose: '2.26.1-4', iptables: '/usr/sbin/iptables' },
  ...{ nodes: '/usr/bin/node v20.19.2\n', programs: '0.2.0-0123456789ab\n' },
  ...{ program: launcher('/usr/bin/node', '0.2.0-0123456789ab'), 'program-version': '0.2.0' },
  passwd: 'kaleem-deploy:*:999:997:kaleem-deploy:/var/lib/kaleem-deploy:/bin/sh',
  groups: 'kaleem-deploy',
  ...{
    sudo: '/usr/bin/sudo',
    visudo: '/usr/sbin/visudo',
    sudoers: sudoersOf('kaleem-deploy'),
    'sudoers-mode': '0 440',
  },
  ...{ folder: 'directory|0|755', state: 'directory|0|700', backups: 'directory|0|700' },
};

const foundOf = (facts: Readonly<Record<string, string | undefined>>): Found =>
  new Map(Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

export const decide = (
  step: Step,
  facts: Readonly<Record<string, string | undefined>>,
  wishes: Partial<Wishes> = {},
): Finding => step.decide(foundOf(facts), { ...WISHES, ...wishes });

/** What a step would do; null: nothing. */
export const would = (...given: Parameters<typeof decide>): string | null => {
  const finding = decide(...given);
  return finding.is === 'ok' ? null : finding.would;
};

export { foundOf, PLACES };
